//! Values as people of a language write and read them. Each table names where its vectors come from.

use guanxi::{Code, api};
use guanxi_tests::{House, database};
use serde_json::{Value as Json, json};

fn format(house: &House, given: &Json) -> guanxi::Result<String> {
    let told = api::call(&house.admin, "locale.format", given)?;
    Ok(told["text"].as_str().unwrap().to_owned())
}

fn parse(house: &House, kind: &str, text: &str, more: Json) -> guanxi::Result<Json> {
    let mut given = json!({"kind": kind, "text": text, "locale": "zh-Hans"});
    given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Ok(api::call(&house.admin, "locale.parse", &given)?["value"].clone())
}

fn both(house: &House, kind: &str, value: &Json, style: Option<&str>) -> (String, String) {
    let told = |locale: &str| {
        format(house, &json!({"kind": kind, "value": value, "style": style, "locale": locale})).unwrap()
    };
    (told("zh-Hans"), told("en"))
}

/// CLDR 47, `zh` and `en`: decimalFormat `#,##0.###`, percentFormat `#,##0%`.
#[test]
fn numbers_and_shares_stand_in_groups_of_three() {
    let house = database();
    for (kind, value, digits, text) in [
        ("number", json!("1234567.891"), None, "1,234,567.891"),
        ("number", json!("-1234.5"), None, "-1,234.5"),
        ("number", json!(999), None, "999"),
        ("number", json!(1000), None, "1,000"),
        ("number", json!("0.12345"), None, "0.123"),
        ("number", json!("2.5"), Some(0), "3"),
        ("number", json!("2"), Some(2), "2.00"),
        ("number", json!("-0.0004"), None, "0"),
        ("percent", json!("12.5"), None, "12.5%"),
        ("percent", json!("1234"), Some(1), "1,234.0%"),
    ] {
        for locale in ["zh-Hans", "en"] {
            let given = json!({"kind": kind, "value": value, "digits": digits, "locale": locale});
            assert_eq!(format(&house, &given).unwrap(), text);
        }
    }
}

/// CLDR 47, `zh` and `en`: currencyFormat standard `¤#,##0.00`, accounting `¤#,##0.00;(¤#,##0.00)`,
/// currencies' symbols; digits by ISO 4217.
#[test]
fn amounts_have_the_symbol_that_people_of_the_language_know() {
    let house = database();
    for (amount, currency, style, zh, en) in [
        ("1234.5", "CNY", None, "¥1,234.50", "CN¥1,234.50"),
        ("1234.5", "USD", None, "US$1,234.50", "$1,234.50"),
        ("1234.5", "JPY", None, "JP¥1,235", "¥1,235"),
        ("-1234.5", "EUR", None, "-€1,234.50", "-€1,234.50"),
        ("-1234.5", "USD", Some("accounting"), "(US$1,234.50)", "($1,234.50)"),
        ("1.2345", "KWD", None, "KWD\u{a0}1.235", "KWD\u{a0}1.235"),
        ("-0.001", "CNY", Some("accounting"), "¥0.00", "CN¥0.00"),
    ] {
        let value = json!({"amount": amount, "currency": currency});
        assert_eq!(both(&house, "amount", &value, style), (zh.to_owned(), en.to_owned()));
    }
}

/// The examples of the basic rules for bills and settlement vouchers (`支付结算办法`, annex 1), then its rules
/// applied to noughts in other places.
#[test]
fn yuan_stand_in_capital_numerals_as_the_rules_for_bills_ask() {
    let house = database();
    for (amount, text) in [
        ("1409.50", "人民币壹仟肆佰零玖元伍角"),
        ("6007.14", "人民币陆仟零柒元壹角肆分"),
        ("1680.32", "人民币壹仟陆佰捌拾元零叁角贰分"),
        ("107000.53", "人民币壹拾万柒仟元零伍角叁分"),
        ("16409.02", "人民币壹万陆仟肆佰零玖元零贰分"),
        ("325.04", "人民币叁佰贰拾伍元零肆分"),
        ("0", "人民币零元整"),
        ("10", "人民币壹拾元整"),
        ("0.5", "人民币伍角"),
        ("0.05", "人民币伍分"),
        ("0.56", "人民币伍角陆分"),
        ("100000", "人民币壹拾万元整"),
        ("100001", "人民币壹拾万零壹元整"),
        ("10010000", "人民币壹仟零壹万元整"),
        ("100000000", "人民币壹亿元整"),
        ("100000001", "人民币壹亿零壹元整"),
        ("100010000", "人民币壹亿零壹万元整"),
        ("1000000000000", "人民币壹万亿元整"),
        (
            "1234567890123456.78",
            "人民币壹仟贰佰叁拾肆万伍仟陆佰柒拾捌亿玖仟零壹拾贰万叁仟肆佰伍拾陆元柒角捌分",
        ),
        ("-12.005", "人民币负壹拾贰元零壹分"),
    ] {
        let given =
            json!({"kind": "amount", "value": {"amount": amount, "currency": "CNY"}, "style": "capital"});
        assert_eq!(format(&house, &given).unwrap(), text, "{amount}");
    }
    let refused = |amount: &str, currency: &str| {
        let given =
            json!({"kind": "amount", "value": {"amount": amount, "currency": currency}, "style": "capital"});
        format(&house, &given).unwrap_err().code()
    };
    assert_eq!(refused("1", "USD"), Code::CurrencyMismatch);
    assert_eq!(refused("10000000000000000", "CNY"), Code::OutOfRange);
}

/// CLDR 47, calendar gregorian, `zh` and `en`: dateFormats, timeFormats, dateTimeFormats standard. The short
/// day of `en` has the whole year.
#[test]
fn days_times_and_moments_have_the_patterns_of_the_language_in_the_zone_of_the_database() {
    let house = database();
    for (style, zh, en) in [
        ("short", "2026/5/4", "5/4/2026"),
        ("medium", "2026年5月4日", "May 4, 2026"),
        ("long", "2026年5月4日", "May 4, 2026"),
        ("full", "2026年5月4日星期一", "Monday, May 4, 2026"),
    ] {
        let told = both(&house, "date", &json!("2026-05-04"), Some(style));
        assert_eq!(told, (zh.to_owned(), en.to_owned()));
    }
    assert_eq!(both(&house, "date", &json!("2026-11-22"), Some("medium")).1, "Nov 22, 2026");
    for (time, style, zh, en) in [
        ("00:05", "short", "00:05", "12:05\u{202f}AM"),
        ("12:00", "short", "12:00", "12:00\u{202f}PM"),
        ("23:59:58.9", "medium", "23:59:58", "11:59:58\u{202f}PM"),
    ] {
        assert_eq!(both(&house, "time", &json!(time), Some(style)), (zh.to_owned(), en.to_owned()));
    }
    let moment = json!("2026-05-04T20:30:00Z");
    let told = both(&house, "datetime", &moment, Some("short"));
    assert_eq!(told, ("2026/5/5 04:30".to_owned(), "5/5/2026, 4:30\u{202f}AM".to_owned()));
    let given = json!({"kind": "datetime", "value": moment, "locale": "en", "time_zone": "America/New_York"});
    assert_eq!(format(&house, &given).unwrap(), "May 4, 2026, 4:30:00\u{202f}PM");
    for (length, zh, en) in [
        ("PT1H30M", "1小时30分钟", "1 hour, 30 minutes"),
        ("PT26H1S", "26小时1秒钟", "26 hours, 1 second"),
        ("PT0S", "0秒钟", "0 seconds"),
        ("-PT2M", "-2分钟", "-2 minutes"),
    ] {
        assert_eq!(both(&house, "duration", &json!(length), None), (zh.to_owned(), en.to_owned()));
    }
}

/// Orders of libaddressinput's metadata for CN: `fmt` and `lfmt`.
#[test]
fn addresses_go_from_large_to_small_in_chinese_and_back_in_english() {
    let house = database();
    let address = json!({"country": "CN", "province": "上海市", "city": "上海市", "district": "浦东新区",
        "street": "世纪大道1号", "postal_code": "200120"});
    assert_eq!(both(&house, "address", &address, None).0, "200120 上海市浦东新区世纪大道1号");
    let address = json!({"country": "CN", "province": "Jiangsu", "city": "Suzhou", "district": "Gusu District",
        "street": "1 Guanqian Street", "postal_code": "215000"});
    assert_eq!(
        both(&house, "address", &address, None).1,
        "1 Guanqian Street, Gusu District, Suzhou, Jiangsu 215000, China"
    );
    assert_eq!(both(&house, "address", &json!({"raw": "somewhere"}), None).0, "somewhere");
    let name = json!({"family": "林", "given": "小红"});
    assert_eq!(both(&house, "person_name", &name, None).0, "林小红");
    let name = json!({"family": "Lovelace", "given": "Ada", "order": "given_first"});
    assert_eq!(both(&house, "person_name", &name, None).1, "Ada Lovelace");
}

#[test]
fn what_people_write_is_read_and_what_could_mean_two_things_is_refused() {
    let house = database();
    for (text, number) in [
        ("1,234.5", "1234.5"),
        ("１２３４．５", "1234.5"),
        ("１，２３４", "1234"),
        (" -7 ", "-7"),
        ("(7.50)", "-7.5"),
        ("1.5万", "15000"),
        ("2亿", "200000000"),
        ("+3", "3"),
    ] {
        assert_eq!(parse(&house, "number", text, json!({})).unwrap(), number, "{text}");
    }
    for wrong in ["", "1,23", "12,34,567", "1.234,5", "1.2.3", ".5.", "--1", "1e3", "one", "1234,567", "万"]
    {
        let code = parse(&house, "number", wrong, json!({})).unwrap_err().code();
        assert_eq!(code, Code::WrongType, "{wrong}");
    }
    assert_eq!(parse(&house, "percent", "12.5％", json!({})).unwrap(), "12.5");
    let en = json!({"locale": "en"});
    let en_usd = json!({"locale": "en", "currency": "USD"});
    for (text, more, amount, currency) in [
        ("￥1,234.50", json!({}), "1234.5", "CNY"),
        ("1,234.50元", json!({}), "1234.5", "CNY"),
        ("12美元", json!({}), "12", "USD"),
        ("-$3", en.clone(), "-3", "USD"),
        ("($3)", en.clone(), "-3", "USD"),
        ("CN¥5", en.clone(), "5", "CNY"),
        ("¥5", en.clone(), "5", "CNY"),
        ("eur 5", en.clone(), "5", "EUR"),
        ("5 GBP", json!({}), "5", "GBP"),
        ("12.5", en_usd.clone(), "12.5", "USD"),
        ("$5", json!({"currency": "HKD"}), "5", "HKD"),
        ("3万元", json!({}), "30000", "CNY"),
    ] {
        let expected = json!({"amount": amount, "currency": currency});
        assert_eq!(parse(&house, "amount", text, more).unwrap(), expected, "{text}");
    }
    assert_eq!(parse(&house, "amount", "¥5", en_usd).unwrap_err().code(), Code::WrongType);
    assert_eq!(parse(&house, "amount", "XYZ 5", en).unwrap_err().code(), Code::UnknownCurrency);
}

#[test]
fn days_are_read_in_every_way_of_writing_them_and_an_order_that_is_open_is_refused() {
    let house = database();
    for text in [
        "2026-05-04",
        "2026/5/4",
        "2026.5.4",
        "2026年5月4日",
        "２０２６年５月４日",
        "20260504",
        "May 4, 2026",
        "4 May 2026",
        "Sept 4 2026",
    ] {
        let day = if text.starts_with("Sept") { "2026-09-04" } else { "2026-05-04" };
        assert_eq!(parse(&house, "date", text, json!({})).unwrap(), day, "{text}");
    }
    let error = parse(&house, "date", "5/4/2026", json!({})).unwrap_err();
    assert_eq!((error.code(), error.rule_name()), (Code::AmbiguousDate, Some("2026-04-05 or 2026-05-04")));
    assert_eq!(parse(&house, "date", "5/4/2026", json!({"order": "month_first"})).unwrap(), "2026-05-04");
    assert_eq!(parse(&house, "date", "5/4/2026", json!({"order": "day_first"})).unwrap(), "2026-04-05");
    assert_eq!(parse(&house, "date", "25/4/2026", json!({})).unwrap(), "2026-04-25");
    assert_eq!(parse(&house, "date", "4/4/2026", json!({})).unwrap(), "2026-04-04");
    for (wrong, more) in [
        ("25/4/2026", json!({"order": "month_first"})),
        ("2026-02-30", json!({})),
        ("5/4/26", json!({})),
        ("5月4日", json!({})),
        ("tomorrow", json!({})),
    ] {
        assert_eq!(parse(&house, "date", wrong, more).unwrap_err().code(), Code::WrongType, "{wrong}");
    }
}

#[test]
fn what_is_written_of_a_number_or_an_amount_is_read_back_as_it_was() {
    let house = database();
    for amount in ["0.01", "12.34", "1234567.89", "-98765.43"] {
        for (locale, currency) in
            [("zh-Hans", "CNY"), ("en", "CNY"), ("zh-Hans", "USD"), ("en", "USD"), ("en", "EUR")]
        {
            for style in ["standard", "accounting"] {
                let value = json!({"amount": amount, "currency": currency});
                let given = json!({"kind": "amount", "value": value, "style": style, "locale": locale});
                let text = format(&house, &given).unwrap();
                let read = parse(&house, "amount", &text, json!({"locale": locale})).unwrap();
                assert_eq!(read, value, "{text}");
            }
        }
    }
    for (given, code) in [
        (json!({"kind": "colour", "value": 1}), Code::InvalidArgument),
        (json!({"kind": "number", "value": 1.5}), Code::WrongType),
        (json!({"kind": "date", "value": "2026-13-01"}), Code::WrongType),
        (json!({"kind": "date", "value": "2026-01-01", "style": "tiny"}), Code::InvalidArgument),
        (json!({"kind": "address", "value": [1]}), Code::WrongType),
        (
            json!({"kind": "datetime", "value": "2026-01-01T00:00:00Z", "time_zone": "Mars"}),
            Code::InvalidArgument,
        ),
    ] {
        assert_eq!(format(&house, &given).unwrap_err().code(), code, "{given}");
    }
}
