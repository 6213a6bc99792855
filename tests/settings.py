"""The product's settings on a data folder of the test run's own; pytest's workers share its servers."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

FOLDER_VARIABLE = "SELLONCE_TEST_DATA_DIR"  # set by the first process of a run, inherited by its workers

if FOLDER_VARIABLE not in os.environ:
    folder = Path(tempfile.mkdtemp(prefix="sellonce-test-"))
    folder.chmod(0o755)  # the servers' account walks through; what they keep inside is private
    os.environ[FOLDER_VARIABLE] = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
os.environ["DATA_DIR"] = os.environ[FOLDER_VARIABLE]
for _name in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL"):
    os.environ[_name] = ""  # also hides what .env says

from config.settings import *  # noqa: E402, F403
from config.settings import INSTALLED_APPS, LAYOUT  # noqa: E402

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
INSTALLED_APPS = ["tests", *INSTALLED_APPS]
REDIS_URL = LAYOUT.redis_url(database=_worker + 1)
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SECOND_FACTOR_ROLES: list[str] = []  # tests of the second factor ask for it
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
