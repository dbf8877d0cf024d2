"""The parts of the hub that the API needs besides nodes and bulletins."""

from dataclasses import dataclass

from hub.air.acts import AirActs
from hub.air.desk import AirDesk
from hub.aired.book import AiredBook
from hub.alerts.part import NotifyPart
from hub.births.book import Births
from hub.cameras.live import LiveDesk
from hub.cameras.lookback import LookBack
from hub.cameras.looks import Looks
from hub.cameras.public import PublicCameras
from hub.cap.acts import CapActs
from hub.enrolment.desk import Enrolling
from hub.monthly.book import Book
from hub.nodes.forgetting import Forgetting
from hub.nodes.mapping import Mapping
from hub.people.house import House
from hub.pictures import Pictures
from hub.residents.part import ResidentsPart
from hub.shown import Shown
from hub.things.acts import ThingActs
from hub.writing.wiring import Writing


@dataclass(frozen=True, slots=True)
class More:
    """They are the same ones that the pages use."""

    shown: Shown
    house: House
    residents: ResidentsPart
    notify: NotifyPart
    months: Book
    aired: AiredBook
    looks: Looks
    public: PublicCameras
    pictures: Pictures
    lookback: LookBack
    watching: LiveDesk
    things: ThingActs
    forgetting: Forgetting
    mapping: Mapping
    trust: Enrolling | None
    alerts: CapActs
    writing: Writing
    horns: AirActs
    air: AirDesk
    births: Births
