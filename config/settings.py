"""Settings, from the environment or `.env`. Without DATABASE_URL and REDIS_URL the embedded servers are used."""

import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import structlog
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from environ import Env

from config import site
from config.layout import APPLICATION_ROLE, DATABASE, OWNER_ROLE, PROJECT_DIR, Layout, secret

env = Env()
LAYOUT = Layout.of()
DATA_DIR = LAYOUT.data
BASE_DIR = PROJECT_DIR

EMBEDDED_DATABASE = not env.str("DATABASE_URL", default="")
EMBEDDED_REDIS = not env.str("REDIS_URL", default="")

SECRET_KEY = env.str("SECRET_KEY", default="") or secret("secret_key", layout=LAYOUT)
SALT_KEY = env.list("ENCRYPTION_SALTS", default=[]) or [secret("encryption_salt", layout=LAYOUT)]
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])  # the former key, while it is being changed
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin.apps.SimpleAdminConfig",  # config.apps loads its pages: workers have none
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "rest_framework",
    "rest_framework_api_key",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "django_celery_beat",
    "django_structlog",
    "pgtrigger",
    "encrypted_fields",
    "config.apps.ConfigConfig",
    "inventory.apps.InventoryConfig",
    "channels.apps.ChannelsConfig",
    "fulfillment.apps.FulfillmentConfig",
    "purchasing.apps.PurchasingConfig",
    "reports.apps.ReportsConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "inventory.people.gate.Gate",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Database: the application's role here; migrations run as the owner (config/management/commands/migrate.py).


def _embedded_database(role: str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": DATABASE,
        "USER": role,
        "PASSWORD": "",
        "HOST": str(LAYOUT.sockets),
        "PORT": "5432",
    }


#: Whether statements may be planned once for many runs; a pooler between us and the database may not allow it.
DATABASE_PREPARES = env.bool("DATABASE_PREPARES", default=True)

#: psycopg plans a statement once after so many runs: never by itself. Without any number it would not even when told to.
ONLY_WHEN_TOLD = sys.maxsize


def _with_pool(database: dict[str, Any]) -> dict[str, Any]:
    """Add a psycopg pool: connections go back to it at each request's or task's end (CONN_MAX_AGE stays 0)."""
    options = {"connect_timeout": 5, **database.get("OPTIONS", {})}
    if size := env.int("DATABASE_POOL_SIZE", default=16):
        options["pool"] = {"min_size": 1, "max_size": size, "timeout": 10, "max_idle": 120}
    if DATABASE_PREPARES:
        options["prepare_threshold"] = ONLY_WHEN_TOLD
        if env.bool("FEW_STATEMENTS", default=False):  # and all day the same: they are planned once
            options |= {"server_side_binding": True, "prepare_threshold": 3}
    return {**database, "OPTIONS": options, "CONN_HEALTH_CHECKS": True}


def _given_database(*names: str) -> dict[str, Any]:
    """The database that the first of these variables names, which must be PostgreSQL."""
    url = next(url for name in names if (url := env.str(name, default="")))
    database: dict[str, Any] = env.db_url_config(url)
    if not url.startswith("postgres"):
        raise ImproperlyConfigured(f"{names[0]} must name a PostgreSQL database: postgres://user:password@host/name")
    return {**database, "HOST": unquote(database["HOST"] or "")}  # a socket's folder is written with %2F


_application = _embedded_database(APPLICATION_ROLE) if EMBEDDED_DATABASE else _given_database("DATABASE_URL")
DATABASES = {"default": _with_pool(_application)}
OWNER_DATABASE = (
    _embedded_database(OWNER_ROLE) if EMBEDDED_DATABASE else _given_database("DATABASE_OWNER_URL", "DATABASE_URL")
)

# --- Redis: broker, alarms' flags, rate limits, cache.
REDIS_URL = LAYOUT.redis_url() if EMBEDDED_REDIS else env.str("REDIS_URL")
REDIS_TIMEOUT_SECONDS = 1.0
REDIS_PREFIX = env.str("REDIS_PREFIX", default="sellonce:")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": f"{REDIS_PREFIX}cache",
        "OPTIONS": {"socket_timeout": REDIS_TIMEOUT_SECONDS, "socket_connect_timeout": REDIS_TIMEOUT_SECONDS},
    },
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"

# --- Limits of what others may send us, and where we may send.
CHANNEL_ALLOW_PRIVATE_URLS = env.bool("CHANNEL_ALLOW_PRIVATE_URLS", default=EMBEDDED_DATABASE)
WEBHOOK_MAX_BYTES = env.int("WEBHOOK_MAX_BYTES", default=16 * 1024 * 1024)
DATA_UPLOAD_MAX_MEMORY_SIZE = WEBHOOK_MAX_BYTES  # the webhook view counts for itself and answers 413
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000  # bulk actions in the admin post one field a row

# --- Imports of files
IMPORT_MAX_BYTES = env.int("IMPORT_MAX_BYTES", default=64 * 1024 * 1024)
IMPORT_MAX_ROWS = env.int("IMPORT_MAX_ROWS", default=500_000)
IMPORTS_KEPT_DAYS = env.int("IMPORTS_KEPT_DAYS", default=90)  # files and rows; what was imported is never forgotten

# --- Backups
BACKUP_DIR = Path(env.str("BACKUP_DIR", default="") or LAYOUT.data / "backups").expanduser()
BACKUP_HOUR_UTC = env.int("BACKUP_HOUR_UTC", default=2)
BACKUPS_KEPT = env.int("BACKUPS_KEPT", default=7)  # nightly ones; 0 makes none
BACKUP_CHECK_DAYS = env.int("BACKUP_CHECK_DAYS", default=1)  # restored to check so often; 0 never
BACKUP_LEAVES_FREE_MB = env.int("BACKUP_LEAVES_FREE_MB", default=256)

LEDGER_CHECK_HOUR_UTC = env.int(
    "LEDGER_CHECK_HOUR_UTC", default=3
)  # everything is compared with everything, each night

# --- Security
HTTPS = env.bool("HTTPS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = False  # the proxy that ends TLS redirects; webhooks must never be redirected
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_NAME = "sellonce_session"
CSRF_COOKIE_NAME = "sellonce_csrf"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

# --- People: docs/people.md says what each of these does.
AUTHENTICATION_BACKENDS = ["inventory.people.backend.RoleBackend"]
SECOND_FACTOR_ROLES = env.list("SECOND_FACTOR_ROLES", default=["admin"])
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])  # their addresses or networks, as 10.0.0.0/8
ATTEMPTS_PER_ACCOUNT = env.int("ATTEMPTS_PER_ACCOUNT", default=5)
ATTEMPTS_PER_ADDRESS = env.int("ATTEMPTS_PER_ADDRESS", default=30)
ATTEMPTS_WINDOW_MINUTES = env.int("ATTEMPTS_WINDOW_MINUTES", default=15)
SESSION_IDLE_MINUTES = env.int("SESSION_IDLE_MINUTES", default=120)
SESSION_MAX_HOURS = env.int("SESSION_MAX_HOURS", default=168)
SESSION_COOKIE_AGE = SESSION_MAX_HOURS * 3600
PUBLIC_URL = env.str("PUBLIC_URL", default="")  # how people reach us, for links that a command prints
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# --- Mail: only where EMAIL_URL says how, as smtp+tls://user:password@host:587
MAILS = bool(env.str("EMAIL_URL", default=""))
vars().update(env.email_url("EMAIL_URL", default="dummymail://"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", default="sellonce@localhost")

# --- Languages and time
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
FORMAT_MODULE_PATH = ["config.formats"]

# --- Static files: served by whitenoise straight from the packages; no collecting step.
STATIC_URL = "static/"
STATIC_ROOT = env.str("STATIC_ROOT", default="") or None
STATICFILES_DIRS = [folder for folder in (BASE_DIR / "static",) if folder.is_dir()]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

# --- REST
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["drf_orjson_renderer.renderers.ORJSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["drf_orjson_renderer.parsers.ORJSONParser"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "PAGE_SIZE": 100,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "SellOnce",
    "DESCRIPTION": "One ledger of stock behind every sales channel.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api/v1/",
}

# --- Admin
UNFOLD = site.UNFOLD

# --- Logging
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
DJANGO_STRUCTLOG_CELERY_ENABLED = True
_shared_processors: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_shared_processors,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "lines": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processor": structlog.dev.ConsoleRenderer(
                colors=False,
                exception_formatter=structlog.dev.plain_traceback,  # the default prints variables, and secrets
            ),
            "foreign_pre_chain": _shared_processors,
        },
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "lines"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django_structlog": {"level": "WARNING"},  # one line a request is too many for a webhook sink
        "httpx": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
    },
}
