"""What the sandbox carriers are told: where to listen, whom to call back, how the world goes."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from outreach.sandbox.script import REPLIES, Fate


class SandboxConfig(BaseModel):
    """Ports of 0 are chosen by the system. Delays are seconds of real time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    twilio_port: int = 8400
    cmpp_port: int = 8402
    smtp_port: int = 8425
    outbox: Path  # where batches of letters appear
    inbox: Path  # where the mail house answers
    log_dir: Path  # each carrier's own book

    public_url: str = "http://127.0.0.1:8300"
    mail_host: str = "127.0.0.1"
    mail_port: int = 8325
    sms_carrier: str = "sms-sandbox"  # names in config/carriers.toml, for the callback URLs
    letter_carrier: str = "letter-sandbox"
    account_sid: str = "AC00000000000000000000000000000000"
    auth_token: SecretStr
    cmpp_account: str = "900001"
    cmpp_number: str = "10690000"  # which the numbers begin with that messages come from
    cmpp_service: str = ""
    cmpp_secret: SecretStr
    cmpp_version: str = "2.0"
    cmpp_window: int = 16
    tracking_salt: SecretStr

    seed: str = "outreach"
    delay: tuple[float, float] = (0.05, 1.0)  # between two steps of one message
    patience: float = Field(60.0, gt=0)  # how long a callback is tried again
    poll: float = Field(0.2, gt=0)  # how often the outbox is looked at

    sms: dict[Fate, float] = {Fate.UNREACHABLE: 0.06, Fate.DEAD: 0.03, Fate.THROTTLED: 0.02}
    mail: dict[Fate, float] = {
        Fate.DEAD: 0.03,
        Fate.GREYLISTED: 0.03,
        Fate.BOUNCED: 0.02,
        Fate.UNREACHABLE: 0.02,
    }
    letters: dict[Fate, float] = {Fate.SIGNED_BY_OTHER: 0.15, Fate.RETURNED: 0.08}
    replies: dict[str, float] = dict(REPLIES)
    repeats: float = 0.03  # receipts that come twice
