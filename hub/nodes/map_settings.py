"""The `map` of the hub's configuration: extracts of maps, as PMTiles files on this machine."""

from pathlib import Path

from pydantic import Field

from edge_agent.contract.base import Name, Strict


class MapExtract(Strict):
    """A PMTiles file."""

    file: Path = Field(description="Version 3; Protomaps basemap, or pictures. Relative paths start at this file")
    communes: tuple[Name, ...] = Field(default=(), max_length=1000, description="On whose map it lies; absent: all")
    credit: str = Field(default="", max_length=300, description="Whose map it is; absent: what the file says")


class MapSettings(Strict):
    """Ground below the nodes of a commune. Nothing is fetched from elsewhere."""

    extracts: tuple[MapExtract, ...] = Field(default=(), max_length=100, description="The first that fits is taken")

    def under(self, folder: Path) -> "MapSettings":
        """The same with relative paths made absolute."""
        extracts = tuple(each.model_copy(update={"file": folder / each.file}) for each in self.extracts)
        return self.model_copy(update={"extracts": extracts})
