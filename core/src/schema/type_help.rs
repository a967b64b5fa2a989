//! What each type of fields is, for people who choose one.

use crate::base::Label;

/// One type of fields.
#[derive(Debug, Clone, Copy)]
pub struct TypeHelp {
    /// The stable name.
    pub name: &'static str,
    /// What its author has to say besides.
    pub parameters: &'static [&'static str],
    label: (&'static str, &'static str),
}

impl TypeHelp {
    /// What values it takes.
    #[must_use]
    pub fn label(&self) -> Label {
        Label::new(self.label.0, self.label.1)
    }
}

macro_rules! types {
    ($($name:literal, [$($parameter:literal),*], $zh:literal, $en:literal;)+) => {
        /// All types, in the order in which people are offered them.
        pub const FIELD_TYPES: &[TypeHelp] =
            &[$(TypeHelp { name: $name, parameters: &[$($parameter),*], label: ($zh, $en) }),+];
    };
}

types! {
    "text", [], "文本", "Text";
    "rich_text", [], "富文本（CommonMark）", "Text with CommonMark marks";
    "bool", [], "是或否", "True or false";
    "int", [], "整数", "A whole number";
    "decimal", [], "精确小数", "An exact decimal";
    "percent", [], "百分比，12.5 表示 12.5%", "A share in hundredths: 12.5 is 12.5 %";
    "money", [], "金额和货币", "An amount in a currency";
    "date", [], "日期", "A day";
    "datetime", [], "时刻", "A moment";
    "time", [], "一天中的时间", "A time of day";
    "duration", [], "时长", "A length of time";
    "enum", ["codes", "value_set"], "单选", "One code of a list";
    "multi_enum", ["codes", "value_set"], "多选", "Any codes of a list";
    "reference", ["target"], "引用一条记录", "A record of another entity";
    "multi_reference", ["target"], "引用多条记录", "Several records of another entity";
    "any_reference", ["targets"], "引用多种实体之一的记录", "A record of one of several entities";
    "rows", ["columns"], "记录内的明细行", "Rows that belong to the record";
    "address", [], "地址", "A postal address";
    "phone", [], "电话号码", "A phone number";
    "email", [], "电子邮箱", "An e-mail address";
    "url", [], "网址", "An absolute URL";
    "person_name", [], "姓名", "A person's name";
    "geo_point", [], "经纬度（WGS 84）", "A point in WGS 84";
    "attachment", [], "记录的附件之一", "One of the record's attachments";
    "json", [], "任意 JSON", "Any JSON";
    "serial", ["parts"], "编号，由引擎自动生成", "A number that the engine gives";
    "identifier", ["scheme"], "带校验的证件或标识号码", "An identifier that its scheme checks";
    "formula", ["expression"], "公式", "What an expression over the other fields gives";
    "lookup", ["through", "field"], "引用记录的字段值", "A field of the record that a reference leads to";
    "rollup", ["child", "by", "function", "field", "filter", "readers", "tree"], "下级记录汇总（计数、求和、最小、最大、平均、存在）", "What the records that refer to the record come to";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::FieldType;

    #[test]
    fn every_type_without_parameters_is_made_by_its_name_and_no_other() {
        for known in FIELD_TYPES {
            match FieldType::from_name(known.name) {
                Ok(kind) => assert_eq!((kind.name(), known.parameters.len()), (known.name, 0)),
                Err(_) => assert!(!known.parameters.is_empty(), "{}", known.name),
            }
            assert!(known.label.0.chars().any(|character| character > '\u{2e80}' || character == 'J'));
        }
        assert!(FieldType::from_name("varchar").is_err());
    }
}
