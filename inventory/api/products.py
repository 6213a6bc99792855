"""/api/v1/products/"""

from typing import Any, ClassVar

from ..catalogue import save_product
from ..models import Product
from .access import Area
from .fields import NewCode
from .filters import Filters
from .resource import Changes, Creates, Reads, StrictModel


class ProductSerializer(StrictModel):
    """What a buyer thinks of as one thing."""

    code = NewCode(max_length=100)

    class Meta:
        model = Product
        fields = ("code", "name", "category", "brand")
        validators: list[object] = []


class ProductFilters(Filters):
    """By every field."""

    class Meta(Filters.Meta):
        model = Product
        fields = ("code", "name", "category", "brand")


class Products(Creates, Changes, Reads):
    """Products group SKUs for browsing and for rules."""

    area = Area.CATALOG
    refusals: ClassVar = {"create": ("conflict",), "partial_update": ("conflict",)}
    queryset = Product.objects.order_by("code")
    serializer_class = ProductSerializer
    filterset_class = ProductFilters
    lookup_field = "code"
    lookup_value_regex = ".+?"

    def change(self, serializer: Any) -> Product:
        """Change it by its verb: channels hear of it."""
        return save_product(serializer.apply())
