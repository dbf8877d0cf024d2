"""All tables of the hub stand on one MetaData; each module declares its own."""

from sqlalchemy import MetaData

metadata = MetaData()
