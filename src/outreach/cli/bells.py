"""Whether Redis, which carries the bells, answers."""

from redis.asyncio import Redis
from redis.exceptions import RedisError

from outreach.domain.errors import ConfigurationError


async def check_redis(url: str) -> str:
    """The server's name and version; raises ``ConfigurationError`` if it is away."""
    try:
        async with Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5) as redis:
            told = await redis.info("server")
    except (RedisError, OSError, ValueError) as error:
        raise ConfigurationError(
            f"Redis does not answer: {type(error).__name__}",
            "check OUTREACH_REDIS_URL and that the server runs; "
            "leave it unset to use the embedded one",
        ) from None
    version = told.get("valkey_version") or told["redis_version"]
    return f"{told.get('server_name', 'redis')} {version}"
