"""The words of generated traffic: pages, referers, campaigns, user agents."""

AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0",
    "Mozilla/5.0 (Android 15; Mobile; rv:{0}.0) Gecko/{0}.0 Firefox/{0}.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_{1} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.{1} Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.{1} Safari/605.1.15",
)
"""Formats: {0} or {} a main version, {1} a single digit."""

LANGUAGES = ("en-US", "en-GB", "de-DE", "fr-FR", "pt-BR", "ja-JP", "zh-CN", "es-ES")

WORDS = (
    "analytics",
    "privacy",
    "queue",
    "server",
    "visitor",
    "session",
    "report",
    "export",
    "café",
    "größe",
    "日本語",
    "release",
)

REFERERS = (
    "https://www.google.com/search?q={}",
    "https://www.google.com/",
    "https://www.bing.com/search?q={}",
    "https://duckduckgo.com/?q={}",
    "https://www.facebook.com/",
    "https://t.co/{}",
    "https://news.example.net/{}.html",
    "https://blog.example.co.uk/2026/{}",
)
"""Formats: {} a word."""

CAMPAIGNS = (
    {"medium": "email", "campaign": "spring", "source": "news"},
    {"medium": "cpc", "campaign": "Brand", "source": "google", "ad": "text-1", "ad_type": "text"},
    {"medium": "cpc", "campaign": "brand", "source": "bing", "ad": "Banner", "ad_type": "image"},
    {"source": "partner"},
)

ACTIONS = (("videos", "play"), ("videos", "pause"), ("Videos", "play"), ("forms", "submit"), ("social", "share"))
"""Groups and names."""

ELEMENTS = (("a", "Read on"), ("a", "größer"), ("button", "Buy"), ("img", ""))
"""Tags and texts."""

ARTICLES = (
    ("SKU-1", "Widget", "tools", 4_500),
    ("sku-1", "Widget, blue", "tools", 4_600),
    ("SKU-2", "Gadget", "toys", 499),
    ("SKU-3", "Größe L", "clothes", 1_999),
    ("SKU-4", "日本語", "books", 0),
)
"""Article number, name, category, price in cents."""

PLACES = (
    {"city": "Berlin", "state": "BE", "country": "Germany"},
    {"city": "BERLIN", "state": "be", "country": "germany"},
    {"city": "Lyon", "country": "France"},
    {"country": "Japan"},
)
