"""How Django asks what a person may do: by the table of roles, and by nothing else."""

from typing import Any

from django.contrib.auth.backends import ModelBackend

from .roles import SEES_COST, allows, declared, standing_of

VERBS = ("view", "add", "change", "delete")


class RoleBackend(ModelBackend):
    """Passwords as Django keeps them; permissions from the role. Groups and single permissions count for nothing."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Whether the role allows it."""
        standing = standing_of(user_obj)
        return standing is not None and allows(standing, perm)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Whether the role shows anything of an app."""
        return any(perm.startswith(f"{app_label}.") for perm in self.get_all_permissions(user_obj))

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Everything that the role allows of what is declared."""
        standing = standing_of(user_obj)
        if standing is None:
            return set()
        labels = (label.split(".") for label in declared())
        every = {f"{app}.{verb}_{model}" for app, model in labels for verb in VERBS} | {SEES_COST}
        return {perm for perm in every if allows(standing, perm)}

    def get_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Nobody has permissions of their own."""
        return set()

    def get_group_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Nor by groups."""
        return set()
