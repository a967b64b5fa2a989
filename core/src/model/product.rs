//! Product: what is sold, at a list price.

use crate::engine::Draft;
use crate::schema::declare::entity;
use crate::schema::{MoneyAmount, SearchClass, Text};

entity! {
    /// Something that is sold.
    Product = ("crm", 3, "product", "产品", "Product", title "name", data_subject false);
    /// Name.
    NAME: Text = 1, "name", "产品名称", "Name",
        [required = true, unique = true, indexed = true, search = Some(SearchClass::Title),
         translatable = true, synonyms = vec!["product".into()]];
    /// The series that it belongs to.
    SERIES: Text = 2, "series", "系列", "Series", [indexed = true];
    /// List price.
    PRICE: MoneyAmount = 3, "price", "价格", "Price",
        [synonyms = vec!["sales price".into(), "sales_price".into()]];
}

/// A draft of a product with a name.
#[must_use]
pub fn named(name: &str) -> Draft<Product> {
    Draft::new().with(NAME, name)
}
