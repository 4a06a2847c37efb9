"""What every answer tells the browser to refuse."""

from __future__ import annotations

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)
"""Of our pages: nothing is loaded from elsewhere, no script or style stands in the page."""

HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    # not `no-referrer`: forms would then send `Origin: null`, and could not be told from another site's
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=(), display-capture=()",
    "Cache-Control": "no-store",
}
"""Of every answer that does not bring its own."""

STATIC_CACHE = "no-cache"
"""Of the program's own files: kept, and asked for again by ETag, as the next version changes them under their names."""


def written_page_headers() -> dict[str, str]:
    """Headers for a page that a command wrote into the workspace: one file with styles and pictures inside, no script.

    The sandbox gives it an origin of its own, so that it could do nothing here even if something in it ran.
    """
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'self'; sandbox allow-popups allow-top-navigation-by-user-activation"
    )
    return {"Content-Security-Policy": policy, "Cache-Control": "private, no-cache"}
