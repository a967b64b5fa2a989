//! Product: what is sold, at a list price.

use crate::engine::Draft;
use crate::schema::declare::entity;
use crate::schema::{MoneyAmount, SearchClass, Text};

entity! {
    /// Something that is sold, with its list price.
    Product = ("crm", 3, "product", "产品", "Product",
        "对外销售的商品或服务及其标价。", title "name", data_subject false);
    /// The name under which it is sold. No two products have the same; it may stand in several languages.
    NAME: Text = 1, "name", "产品名称", "Name",
        "销售时使用的名称，不可重复，可有多种语言的译文。",
        [required = true, unique = true, indexed = true, search = Some(SearchClass::Title),
         translatable = true, synonyms = vec!["product".into()]];
    /// The series that it belongs to, by which products are grouped.
    SERIES: Text = 2, "series", "系列", "Series",
        "所属的产品系列，用于分组统计。", [indexed = true];
    /// The list price of one unit, before any discount.
    PRICE: MoneyAmount = 3, "price", "价格", "Price",
        "单件标价，不含折扣。",
        [synonyms = vec!["sales price".into(), "sales_price".into()]];
}

/// A draft of a product with a name.
#[must_use]
pub fn named(name: &str) -> Draft<Product> {
    Draft::new().with(NAME, name)
}
