"""`make systems-table`: systems that take clouds away, each trained for the same time on the same pictures, in a table.

pix2pix with and without its discriminator, CycleGAN and the U-Net begin from nothing and see the same simulated clouds
over the same ground; all are exported and judged on the same held-out pictures, simulated and real.
"""
