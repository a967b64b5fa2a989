//! Layouts that somebody declares: what stands where, for whom, and that nobody sees more by them.

use guanxi::engine::{Action, Level};
use guanxi::{Code, Locale, Session, api};
use guanxi_tests::{House, database};
use serde_json::{Value as Json, json};

fn call(session: &Session, method: &str, given: Json) -> guanxi::Result<Json> {
    api::call(session, method, &given)
}

fn define(session: &Session, entity: &str, layout: Json) -> guanxi::Result<Json> {
    call(session, "schema.define_layout", json!({"entity": entity, "layout": layout}))
}

fn remove(session: &Session, entity: &str, kind: &str) -> guanxi::Result<Json> {
    call(session, "schema.remove_layout", json!({"entity": entity, "kind": kind}))
}

fn layout(session: &Session, entity: &str, kind: &str) -> Json {
    call(session, "schema.layout", json!({"entity": entity, "kind": kind})).unwrap()
}

/// The names of the fields of each section.
fn names(layout: &Json) -> Vec<Vec<String>> {
    let fields = |section: &Json| -> Vec<String> {
        let fields = section["fields"].as_array().unwrap().iter();
        fields.map(|field| field["name"].as_str().unwrap().to_owned()).collect()
    };
    layout["sections"].as_array().unwrap().iter().map(fields).collect()
}

fn section(zh: &str, en: &str, fields: &[&str]) -> Json {
    json!({"label": {"zh": zh, "en": en}, "fields": fields})
}

fn add_text(house: &House, entity: &str, name: &str) {
    let given =
        json!({"entity": entity, "name": name, "field_type": "text", "label_zh": "补充", "label_en": name});
    call(&house.admin, "schema.define_field", given).unwrap();
}

fn refusal(result: guanxi::Result<Json>) -> (Code, String, String) {
    let error = result.unwrap_err();
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    (error.code(), text(error.field_name()), text(error.rule_name()))
}

#[test]
fn an_administrator_says_which_fields_stand_where_and_takes_it_back() {
    let house = database();
    let before = layout(&house.admin, "account", "detail");
    let sections = [
        section("联系方式", "Contact", &["phone", "email"]),
        section("公司", "Firm", &["name", "city", "owner"]),
    ];
    let told = define(
        &house.admin,
        "account",
        json!({"kind": "detail", "sections": sections, "hidden": ["revenue", "tags"]}),
    );
    assert_eq!(told.unwrap()["layout"], "detail");
    let house = house.reopened();
    let detail = layout(&house.admin, "account", "detail");
    let fields = names(&detail);
    assert_eq!(fields[0], ["phone", "email"]);
    assert_eq!(fields[1], ["name", "city", "owner"]);
    assert_eq!(detail["sections"][0]["label"], "Contact");
    let chinese = layout(&house.admin.with_locale(Locale::SimplifiedChinese), "account", "detail");
    assert_eq!(chinese["sections"][0]["label"], "联系方式");
    // What it does not name stands behind, each once; what it hides does not.
    assert!(fields[2].contains(&"industry".to_owned()));
    assert_eq!(fields[3], ["unit", "created_at", "modified_at"]);
    let mut all: Vec<&String> = fields.iter().flatten().collect();
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
    assert!(!all.iter().any(|name| ["revenue", "tags"].contains(&name.as_str())));
    let told: usize = names(&before).iter().map(Vec::len).sum();
    assert_eq!(count, told - 2);
    // A field that comes later stands behind too, unless the layout wants what it names and no more.
    add_text(&house, "account", "later");
    assert!(names(&layout(&house.admin, "account", "detail"))[2].contains(&"x.later".to_owned()));
    define(&house.admin, "account", json!({"kind": "detail", "sections": sections, "append": false}))
        .unwrap();
    assert_eq!(names(&layout(&house.admin, "account", "detail")).concat().len(), 5);
    remove(&house.admin, "account", "detail").unwrap();
    let fields = names(&layout(&house.admin, "account", "detail"));
    assert!(fields[0].contains(&"x.later".to_owned()) && fields[0].contains(&"revenue".to_owned()));
    let entries = call(&house.admin, "ledger.list", json!({"limit": 1000})).unwrap().to_string();
    assert!(entries.contains("schema.define_layout") && entries.contains("schema.remove_layout"));
    let _ = house.verified();
}

#[test]
fn lists_kanbans_calendars_and_timelines_go_by_what_was_declared() {
    let house = database();
    let columns = ["city", "name", "owner"];
    define(
        &house.admin,
        "account",
        json!({"kind": "list", "sections": [section("列", "Columns", &columns)]}),
    )
    .unwrap();
    let fields = names(&layout(&house.admin, "account", "list"));
    assert_eq!((fields.len(), &fields[0][..3], fields[0].len()), (1, &columns.map(str::to_owned)[..], 8));
    define(&house.admin, "opportunity", json!({"kind": "calendar", "by": ["engaged_on", "closed_on"]}))
        .unwrap();
    define(&house.admin, "opportunity", json!({"kind": "timeline", "by": ["created_at", "stage_since"]}))
        .unwrap();
    define(&house.admin, "account", json!({"kind": "kanban", "by": ["kind"], "hidden": ["phone"]})).unwrap();
    assert_eq!(layout(&house.admin, "opportunity", "calendar")["by"], json!(["engaged_on", "closed_on"]));
    assert_eq!(layout(&house.admin, "opportunity", "timeline")["by"], json!(["created_at", "stage_since"]));
    let kanban = layout(&house.admin, "account", "kanban");
    assert_eq!(kanban["by"], json!(["kind"]));
    assert!(names(&kanban)[0].len() == 4 && !names(&kanban)[0].contains(&"phone".to_owned()));
    let by = |kind: &str, by: &[&str]| {
        let refused = refusal(define(&house.admin, "opportunity", json!({"kind": kind, "by": by})));
        (refused.0, refused.1)
    };
    let invalid = |field: &str| (Code::InvalidDefinition, field.to_owned());
    assert_eq!(by("kanban", &["engaged_on"]), invalid("engaged_on"));
    assert_eq!(by("kanban", &["status", "stage"]), invalid("by"));
    assert_eq!(by("calendar", &["status"]), invalid("status"));
    assert_eq!(by("calendar", &["closed_on", "closed_on"]), invalid("closed_on"));
    assert_eq!(by("calendar", &["created_at"]).0, Code::UnknownField);
    assert_eq!(by("form", &["status"]), invalid("by"));
}

#[test]
fn what_is_not_right_is_refused_and_nothing_of_it_is_declared() {
    let house = database();
    let before = layout(&house.admin, "account", "form");
    let refused = |layout: Json| refusal(define(&house.admin, "account", layout));
    let form = |fields: &[&str]| json!({"kind": "form", "sections": [section("节", "Section", fields)]});
    assert_eq!(
        (refused(form(&["nothing"])).0, refused(form(&["nothing"])).1),
        (Code::UnknownField, "nothing".into())
    );
    let twice = refused(form(&["city", "city"]));
    assert_eq!((twice.0, twice.1.as_str()), (Code::InvalidDefinition, "city"));
    let hidden =
        json!({"kind": "form", "sections": [section("节", "Section", &["city"])], "hidden": ["city"]});
    assert_eq!(refused(hidden).1, "city");
    assert_eq!(refused(json!({"kind": "map"})).0, Code::InvalidDefinition);
    assert_eq!(refused(json!({"kind": "form", "colour": "red"})).1, "colour");
    assert_eq!(
        refused(json!({"kind": "form", "sections": [{"label": {"zh": "节", "en": ""}, "fields": []}]})).2,
        "labels stand in zh and en"
    );
    assert_eq!(refused(json!({"kind": "form", "append": false})).1, "sections");
    assert_eq!(refused(json!({"kind": "form", "record_type": "visitor"})).1, "visitor");
    assert_eq!(refused(json!({"kind": "form", "role": "无此角色"})).0, Code::ReferenceMissing);
    let error = refusal(define(
        &house.admin,
        "product",
        json!({"kind": "list", "sections": [section("节", "Section", &["name_translations"])]}),
    ));
    assert_eq!(error.1, "name_translations");
    assert_eq!(
        refusal(remove(&house.admin, "account", "form")),
        (Code::InvalidDefinition, "form".into(), "a layout that was declared".into())
    );
    assert_eq!(layout(&house.admin, "account", "form"), before);
    // A dry run tells what would be, and does nothing.
    let dry = json!({"entity": "account", "layout": form(&["city"]), "dry_run": true});
    let plan = call(&house.admin, "schema.define_layout", dry).unwrap();
    let change = &plan["changes"][0];
    assert_eq!(
        [&change["entity"], &change["element"], &change["name"], &change["layer"], &change["change"]],
        ["crm.account", "layout", "form", "customer", "added"]
    );
    assert_eq!(layout(&house.admin, "account", "form"), before);
    // Only who administers the entity declares and lists.
    let read = [("crm.account", Action::Read, Level::All), ("crm.account", Action::Update, Level::All)];
    let lin = house.user("lin", &[house.role("lin", &read)]);
    assert_eq!(refusal(define(&lin, "account", form(&["city"]))).0, Code::NotPermitted);
    assert_eq!(refusal(remove(&lin, "account", "form")).0, Code::NotPermitted);
    assert_eq!(refusal(call(&lin, "schema.layouts", json!({"entity": "account"}))).0, Code::NotPermitted);
}

#[test]
fn a_layout_shows_nobody_a_field_that_is_hidden_from_them() {
    let house = database();
    let sections = [section("钱", "Money", &["revenue"]), section("公司", "Firm", &["city", "name"])];
    define(&house.admin, "account", json!({"kind": "detail", "sections": sections})).unwrap();
    define(&house.admin, "account", json!({"kind": "kanban", "by": ["kind"], "sections": sections})).unwrap();
    define(&house.admin, "opportunity", json!({"kind": "calendar", "by": ["closed_on", "engaged_on"]}))
        .unwrap();
    let read = |entity| [(entity, Action::Read, Level::All), (entity, Action::Administer, Level::All)];
    let lin = house.user("lin", &[house.role_hiding("lin", &read("crm.account"), "revenue,kind")]);
    let kanban = layout(&lin, "account", "kanban");
    assert_eq!(
        (&kanban["by"], &names(&kanban)[0][..2]),
        (&json!([]), &["city".to_owned(), "name".to_owned()][..])
    );
    let detail = layout(&lin, "account", "detail");
    assert_eq!(detail["sections"][0]["label"], "Firm", "a section of hidden fields alone is not told");
    assert!(!detail.to_string().contains("revenue"));
    // The last day alone would be shown as if it were the first.
    let chen = house.user("chen", &[house.role_hiding("chen", &read("crm.opportunity"), "closed_on")]);
    assert_eq!(layout(&chen, "opportunity", "calendar")["by"], json!(["engaged_on"]));
    // Who administers without seeing a field neither learns of it nor lays it out.
    let told = call(&lin, "schema.layouts", json!({"entity": "account"})).unwrap();
    assert_eq!(told["layouts"].as_array().unwrap().len(), 2);
    assert!(!told.to_string().contains("revenue"));
    let refused = refusal(define(&lin, "account", json!({"kind": "form", "hidden": ["revenue"]})));
    assert_eq!(refused.0, Code::UnknownField);
    let told = call(&house.admin, "schema.layouts", json!({"entity": "account"})).unwrap();
    assert_eq!(told["layouts"][0]["sections"], json!(sections));
    // Whichever layout holds, what it shows is among what the reader may see.
    for kind in ["list", "detail", "form", "kanban", "calendar", "timeline"] {
        let declared = if kind == "detail" || kind == "kanban" { Json::Null } else { json!(sections) };
        if declared != Json::Null {
            define(&house.admin, "account", json!({"kind": kind, "sections": declared})).unwrap();
        }
        let told = layout(&lin, "account", kind);
        let shown = names(&told).concat();
        assert!(!shown.iter().any(|name| ["revenue", "kind"].contains(&name.as_str())), "{told}");
    }
}

#[test]
fn a_layout_is_for_a_record_type_or_a_role_and_the_nearest_one_holds() {
    let house = database();
    let codes = json!([{"code": "visitor", "zh": "观众", "en": "Visitor"}, {"code": "guest", "zh": "嘉宾", "en": "Guest"}]);
    let field = json!({"entity": "account", "name": "sort", "field_type": "enum", "label_zh": "类别", "label_en": "Sort", "codes": codes});
    call(&house.admin, "schema.define_field", field).unwrap();
    add_text(&house, "account", "badge");
    let types = json!({"field": "x.sort", "types": [
        {"code": "visitor", "label": {"zh": "观众", "en": "Visitor"}, "fields": ["x.badge"]},
        {"code": "guest", "label": {"zh": "嘉宾", "en": "Guest"}},
    ]});
    call(&house.admin, "schema.define_record_types", json!({"entity": "account", "record_types": types}))
        .unwrap();
    let read = [("crm.account", Action::Read, Level::All)];
    let (sales, desk) = (house.role("销售", &read), house.role("前台", &read));
    let (lin, chen, wang) =
        (house.user("lin", &[sales]), house.user("chen", &[desk]), house.user("wang", &[sales, desk]));
    let declare = |first: &str, more: Json| {
        let mut layout = json!({"kind": "list", "sections": [section("列", "Columns", &[first, "x.badge"])], "append": false});
        layout.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        define(&house.admin, "account", layout).unwrap()
    };
    let columns = |session: &Session, record_type: Json| -> Vec<String> {
        let given = json!({"entity": "account", "kind": "list", "record_type": record_type});
        names(&call(session, "schema.layout", given).unwrap()).concat()
    };
    declare("name", json!({}));
    let told = declare("city", json!({"role": "销售"}));
    assert_eq!(told["layout"], "list for \"销售\"");
    declare("phone", json!({"role": "前台"}));
    declare("email", json!({"record_type": "visitor"}));
    declare("industry", json!({"record_type": "visitor", "role": "前台"}));
    assert_eq!(columns(&house.admin, Json::Null), ["name", "x.badge"]);
    assert_eq!(
        columns(&lin, Json::Null),
        ["city", "x.badge"],
        "who holds a role need not be able to read it"
    );
    assert_eq!(columns(&chen, Json::Null), ["phone", "x.badge"]);
    assert_eq!(columns(&wang, Json::Null), ["phone", "x.badge"], "of several roles the first by name");
    assert_eq!(columns(&lin, json!("visitor")), ["email", "x.badge"]);
    assert_eq!(columns(&chen, json!("visitor")), ["industry", "x.badge"]);
    assert_eq!(columns(&chen, json!("guest")), ["phone"], "what a type has not stands in no layout of it");
    // The layout of a role goes with the role.
    let given = json!({"entity": "account", "kind": "list", "role": "销售"});
    call(&house.admin, "schema.remove_layout", given).unwrap();
    assert_eq!(columns(&lin, Json::Null), ["name", "x.badge"]);
    // A field that is taken back is passed over, and is not laid out anew; brought back, it stands where it stood.
    let taken = json!({"entity": "account", "field": "x.badge"});
    call(&house.admin, "schema.remove_field", taken.clone()).unwrap();
    assert_eq!(columns(&house.admin, Json::Null), ["name"]);
    let again = json!({"kind": "form", "sections": [section("列", "Columns", &["x.badge"])]});
    assert_eq!(refusal(define(&house.admin, "account", again)).0, Code::Withdrawn);
    let exported = call(&house.admin, "schema.export_package", json!({"package": "x"})).unwrap();
    assert!(!exported["package"]["extends"][0]["layouts"].to_string().contains("badge"));
    call(&house.admin, "schema.restore_field", taken).unwrap();
    let rename = json!({"entity": "account", "field": "x.badge", "name": "pass"});
    call(&house.admin, "schema.rename_field", rename).unwrap();
    assert_eq!(
        columns(&house.admin, Json::Null),
        ["name", "x.pass"],
        "a layout finds a field by the name that it bore"
    );
}

fn package(version: &str, layouts: Json) -> Json {
    json!({
        "package": "cn.expo", "version": version, "label": {"zh": "展会", "en": "Expo"},
        "entities": [{
            "local": 1, "name": "booth", "label": {"zh": "展位", "en": "Booth"}, "title": "title",
            "fields": [
                {"local": 1, "name": "title", "label": {"zh": "名称", "en": "Title"}, "kind": {"type": "text"}, "required": true},
                {"local": 2, "name": "area", "label": {"zh": "面积", "en": "Area"}, "kind": {"type": "int"}},
            ],
            "layouts": [{"kind": "form", "sections": [section("展位", "Booth", &["area", "title"])]}],
        }],
        "extends": [{
            "entity": "crm.account",
            "fields": [{"local": 1, "name": "stand", "label": {"zh": "展台", "en": "Stand"}, "kind": {"type": "text"}}],
            "layouts": layouts,
        }],
    })
}

#[test]
fn packages_bring_layouts_and_the_customers_own_go_before_them() {
    let house = database();
    let install = |version: &str, layouts: Json| {
        call(&house.admin, "schema.install_package", json!({"package": package(version, layouts)}))
    };
    let of_package = json!([{"kind": "list", "sections": [section("列", "Columns", &["cn.expo.stand", "name"])], "append": false}]);
    let wrong = json!([{"kind": "list", "sections": [section("列", "Columns", &["cn.expo.nothing"])]}]);
    let error = install("1.0.0", wrong).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::UnknownField, Some("cn.expo.nothing")));
    assert!(call(&house.admin, "schema.layout", json!({"entity": "cn.expo.booth", "kind": "form"})).is_err());
    install("1.0.0", of_package.clone()).unwrap();
    let columns = || names(&layout(&house.admin, "account", "list")).concat();
    assert_eq!(columns(), ["cn.expo.stand", "name"]);
    assert_eq!(names(&layout(&house.admin, "cn.expo.booth", "form")), [["area", "title"]]);
    let own =
        json!({"kind": "list", "sections": [section("列", "Columns", &["name", "city"])], "append": false});
    define(&house.admin, "account", own).unwrap();
    assert_eq!(columns(), ["name", "city"]);
    let layers = call(&house.admin, "schema.layouts", json!({"entity": "account"})).unwrap();
    let layers: Vec<&Json> = layers["layouts"].as_array().unwrap().iter().map(|one| &one["layer"]).collect();
    assert_eq!(layers, ["package", "customer"]);
    // Moved to another database, both stand there as they did.
    let other = database();
    for package in ["cn.expo", "x"] {
        let exported = call(&house.admin, "schema.export_package", json!({"package": package})).unwrap();
        call(&other.admin, "schema.install_package", json!({"package": exported["package"]})).unwrap();
    }
    assert_eq!(names(&layout(&other.admin, "account", "list")).concat(), ["name", "city"]);
    remove(&other.admin, "account", "list").unwrap();
    assert_eq!(names(&layout(&other.admin, "account", "list")).concat(), ["cn.expo.stand", "name"]);
    // A version that no longer has it takes it away, and so does the end of the package; going back brings it.
    let plan = call(
        &other.admin,
        "schema.install_package",
        json!({"package": package("1.1.0", json!([])), "dry_run": true}),
    )
    .unwrap();
    let gone =
        plan["changes"].as_array().unwrap().iter().find(|change| change["element"] == "layout").unwrap();
    assert_eq!([&gone["name"], &gone["change"], &gone["layer"]], ["list", "withdrawn", "package"]);
    call(&other.admin, "schema.install_package", json!({"package": package("1.1.0", json!([]))})).unwrap();
    assert_eq!(names(&layout(&other.admin, "account", "list")).concat()[0], "name");
    call(&other.admin, "schema.roll_back_package", json!({"package": "cn.expo"})).unwrap();
    assert_eq!(names(&layout(&other.admin, "account", "list")).concat(), ["cn.expo.stand", "name"]);
    call(&other.admin, "schema.remove_package", json!({"package": "cn.expo"})).unwrap();
    assert!(!names(&layout(&other.admin, "account", "list")).concat().contains(&"cn.expo.stand".to_owned()));
    let left = call(&other.admin, "schema.layouts", json!({"entity": "account"})).unwrap();
    assert_eq!(left["layouts"], json!([]));
    let _ = other.reopened().verified();
}
