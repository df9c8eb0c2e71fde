"""The page where anybody checks whether a message is ours, and answers it: no log-in, no script.

It says yes or no of a code and nothing else, to each caller so many times a minute and no more.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jinja2
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from outreach.http.body import read_body
from outreach.life import answers
from outreach.life.answers import LONGEST, Choice
from outreach.life.parts import Parts

PATH = "/check"
EACH = RateLimitItemPerMinute(10)
"""Codes and answers of one caller."""
ALL = RateLimitItemPerMinute(600)
"""Those of all of them, so that many callers together walk through nothing either."""
FORM_LIMIT = 16 << 10
"""Octets of a form."""

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


def routes(parts: Parts) -> list[Route]:
    page = _Page(parts)
    return [
        Route(PATH, page.ask, methods=["GET"]),
        Route(PATH, page.check, methods=["POST"]),
        Route(f"{PATH}/answer", page.answer, methods=["POST"]),
    ]


class _Page:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        loader = jinja2.FileSystemLoader(Path(__file__).parent / "pages")
        environment = jinja2.Environment(
            loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
        )
        self._template = environment.get_template("check.html")

    async def ask(self, request: Request) -> Response:
        return self._render(request)

    async def check(self, request: Request) -> Response:
        async def found(form: dict[str, str]) -> Response:
            code = form.get("code", "")
            async with self._parts.pool.acquire() as conn:
                ours = await answers.is_ours(conn, self._parts, code)
            return self._render(request, "yes" if ours else "no", code if ours else "")

        return await self._limited(request, found)

    async def answer(self, request: Request) -> Response:
        async def taken(form: dict[str, str]) -> Response:
            try:
                choice = Choice(form.get("choice", ""))
            except ValueError:
                return self._render(request, "no", status=422)
            took = await answers.answer(
                self._parts, form.get("code", ""), choice, form.get("text", "")
            )
            return self._render(request, "said" if took else "no")

        return await self._limited(request, taken)

    async def _limited(
        self, request: Request, work: Callable[[dict[str, str]], Awaitable[Response]]
    ) -> Response:
        caller = request.client.host if request.client else ""
        if not (self._limiter.hit(EACH, "check", caller) and self._limiter.hit(ALL, "check")):
            return self._render(request, "wait", status=429)
        form = await _form(request)
        return self._render(request, "no", status=413) if form is None else await work(form)

    def _render(
        self, request: Request, result: str = "", code: str = "", status: int = 200
    ) -> Response:
        lang = _language(request)
        words = _WORDS[lang]
        choices = [(str(choice), words[choice]) for choice in Choice]
        page = self._template.render(
            lang=lang,
            words=words,
            result=result,
            code=code,
            choices=choices,
            base=PATH,
            longest=LONGEST,
        )
        return HTMLResponse(page, status, _HEADERS)


async def _form(request: Request) -> dict[str, str] | None:
    """The form's fields; None for what is longer, or has more of them, than ours."""
    body = await read_body(request, FORM_LIMIT)
    if body is None:
        return None
    try:
        fields = parse_qs(body.decode(errors="replace"), max_num_fields=10)
    except ValueError:
        return None
    return {name: values[0] for name, values in fields.items()}


def _language(request: Request) -> str:
    asked = request.query_params.get("lang") or ""
    if asked in _WORDS:
        return asked
    for part in request.headers.get("accept-language", "").lower().split(","):
        tag = part.partition(";")[0].strip()
        if tag.startswith("zh"):
            traditional = ("hant", "-tw", "-hk", "-mo")
            return "zh-Hant" if any(each in tag for each in traditional) else "zh-CN"
        if tag.startswith("en"):
            return "en"
    return "zh-CN"


_WORDS: dict[str, dict[str, Any]] = {
    "zh-CN": {
        "title": "核实消息是否由我们发出",
        "code": "短信、邮件或信函中的验真码",
        "check": "核实",
        "yes": "是：我们发出过带有此验真码的消息。",
        "no": "否：没有找到由我们发出、带有此验真码的消息。请勿按该消息付款或提供信息。",
        "wait": "查询过于频繁，请一分钟后再试。",
        "said": "已收到，我们会处理。如需补充，请致电客服热线。",
        "answer": "回应这条消息",
        "what": "您想告诉我们：",
        "more": "补充说明（可不填；请勿填写密码或验证码）",
        "send": "提交",
        "note": "本页不会显示任何账户信息，也不会要求您付款、登录或提供密码。",
        Choice.DISPUTE: "我对金额或账户有异议",
        Choice.PLAN: "我想申请协商还款",
        Choice.STOP: "请不要再向这个号码或邮箱发送",
        Choice.STRANGER: "我不是收件人",
        Choice.HOURS: "我方便联系的时间（请在下面写明）",
        Choice.OTHER: "其他",
    },
    "zh-Hant": {
        "title": "查證訊息是否由我們發出",
        "code": "簡訊、郵件或信函中的查證碼／核實碼",
        "check": "查證",
        "yes": "是：我們發出過帶有此查證碼的訊息。",
        "no": "否：查無由我們發出、帶有此查證碼的訊息。請勿依該訊息付款或提供資料。",
        "wait": "查詢過於頻繁，請一分鐘後再試。",
        "said": "已收到，我們會處理。如需補充，請致電客服專線。",
        "answer": "回應這則訊息",
        "what": "您想告訴我們：",
        "more": "補充說明（可不填；請勿填寫密碼或驗證碼）",
        "send": "送出",
        "note": "本頁不會顯示任何帳戶資料，也不會要求您付款、登入或提供密碼。",
        Choice.DISPUTE: "我對金額或帳戶有異議",
        Choice.PLAN: "我想申請協商還款",
        Choice.STOP: "請不要再向這個號碼或信箱發送",
        Choice.STRANGER: "我不是收件人",
        Choice.HOURS: "我方便聯絡的時間（請在下面寫明）",
        Choice.OTHER: "其他",
    },
    "en": {
        "title": "Check whether a message is ours",
        "code": "The check code in the SMS, email or letter",
        "check": "Check",
        "yes": "Yes: we sent a message with this code.",
        "no": "No: we sent no message with this code. Do not pay or tell anything on its word.",
        "wait": "Too many tries: please wait a minute.",
        "said": "We have received it and will see to it. To add something, call our hotline.",
        "answer": "Answer this message",
        "what": "What you want to tell us:",
        "more": "More about it (optional; never a password)",
        "send": "Send",
        "note": "This page shows nothing of any account and never asks you to pay or to log in.",
        Choice.DISPUTE: "I dispute the sum or the account",
        Choice.PLAN: "I ask for a repayment plan",
        Choice.STOP: "Do not write to this number or mailbox any more",
        Choice.STRANGER: "I am not the person you look for",
        Choice.HOURS: "Good hours to contact me (please write them below)",
        Choice.OTHER: "Something else",
    },
}
