"""All loudspeakers of the node, and the commands about them."""

from edge_agent.broadcast.air import Air
from edge_agent.broadcast.emergency import Emergencies
from edge_agent.contract.commands import AcknowledgeEmergency, Command, OrderBulletins, SetVolume, StopSpeaker
from edge_agent.desk.act import Act


class Station:
    """One `Air` a speaker, and the emergencies."""

    emergencies: Emergencies

    def speaker(self, speaker: str | None) -> str:
        """The id of a speaker by its id, or of the first. Raises Refusal `command.unknown_thing`."""
        raise NotImplementedError

    def air(self, speaker: str | None = None) -> Air:
        """The air of a speaker, or of the first. Raises Refusal `command.unknown_thing`."""
        raise NotImplementedError

    async def stop_speaker(self, asked: Command, args: StopSpeaker) -> Act:
        """Handle `speaker.stop`: silence now, emergencies included."""
        raise NotImplementedError

    async def set_volume(self, asked: Command, args: SetVolume) -> Act:
        """Handle `speaker.volume`."""
        raise NotImplementedError

    async def acknowledge(self, asked: Command, args: AcknowledgeEmergency) -> Act:
        """Handle `emergency.acknowledge`."""
        raise NotImplementedError

    async def order(self, asked: Command, args: OrderBulletins) -> Act:
        """Handle `bulletin.order`."""
        raise NotImplementedError
