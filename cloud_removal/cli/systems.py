"""`systems`: what can be trained, by which script, and from which presets."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloud_removal.cli.quiet import import_tensorflow

if TYPE_CHECKING:
    from cloud_removal.systems import System


@dataclass(frozen=True)
class Command:
    """Lists the systems: where each comes from, which script trains it, and its presets."""

    def run(self) -> None:
        """Prints a paragraph for each system."""
        import_tensorflow()
        from cloud_removal.systems import find, names

        print("\n\n".join(described(name, find(name)) for name in names()))


def described(name: str, system: "type[System]") -> str:
    """One paragraph on a system: its title, source, seed document, script and presets."""
    facts = {
        "source": system.source,
        "seed": system.seed_document,
        "script": f"python {system.script} --system {name}",
        "presets": ", ".join([f"{system.default_preset} (default)", *system.other_presets]),
    }
    lines = [f"{name}: {system.title}"]
    return "\n".join(lines + [f"  {word:<7} {text}" for word, text in facts.items()])
