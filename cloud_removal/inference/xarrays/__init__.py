"""The same windows as dask tasks over an xarray.DataArray."""
