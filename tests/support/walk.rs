//! One way through the trade, told once and walked through every door: a lead becomes a customer, the deal is won, the
//! customer goes back to a pool and is claimed again. Each door hands in how it calls a method.

use serde_json::{Value as Json, json};

fn id(answer: &Json, name: &str) -> String {
    answer[name].as_str().unwrap_or_else(|| panic!("`{name}` is missing in {answer}")).to_owned()
}

/// Walks the way, and tells where it came to.
pub fn walk(call: &mut dyn FnMut(&str, &Json) -> Json) -> Json {
    let me = id(&call("session.whoami", &json!({})), "id");
    let create = |call: &mut dyn FnMut(&str, &Json) -> Json, entity: &str, values: Json| {
        id(&call("record.create", &json!({"entity": entity, "values": values})), "id")
    };
    let pool = create(call, "sys.pool", json!({"name": "公海"}));
    let _ = create(call, "sys.pool_member", json!({"pool": pool, "user": me}));
    let lead = create(
        call,
        "lead",
        json!({"name": "王芳", "company": "加喜企业服务有限公司", "phone": "+86 138 0013 8000", "source": "referral",
            "budget": {"amount": "12800", "currency": "CNY"}}),
    );
    let regarding = json!({"entity": "crm.lead", "id": lead});
    let activity =
        json!({"subject": "首次电话", "kind": "call", "outcome": "interested", "regarding": regarding});
    let _ = call("activity.record", &json!({"values": activity}));
    let made = call("lead.convert", &json!({"id": lead}));
    let (account, contact, deal) = (id(&made, "account"), id(&made, "contact"), id(&made, "opportunity"));
    let regarding = json!({"entity": "crm.opportunity", "id": deal});
    let activity = json!({"subject": "签约", "kind": "meeting", "outcome": "agreed", "regarding": regarding});
    let _ = call("activity.record", &json!({"values": activity}));
    let won = call("opportunity.win", &json!({"id": deal}));
    let of_account = json!({"entity": "account", "id": account});
    let owned = |call: &mut dyn FnMut(&str, &Json) -> Json| {
        let row = call("record.get", &of_account);
        let owner = id(&row, "owner");
        if owner == me {
            "me"
        } else if owner == pool {
            "the pool"
        } else {
            "somebody else"
        }
    };
    let mut owners = vec![owned(call)];
    let _ = call("record.release", &json!({"entity": "account", "id": account, "pool": pool}));
    owners.push(owned(call));
    let _ = call("record.claim", &of_account);
    owners.push(owned(call));
    let value = |call: &mut dyn FnMut(&str, &Json) -> Json, entity: &str, id: &str, field: &str| {
        call("record.get", &json!({"entity": entity, "id": id}))["values"][field].clone()
    };
    let changes = json!({"entity": "crm.owner_change", "filter": {"record": account}, "sort": ["at"]});
    let changes = call("record.list", &changes);
    let kinds: Vec<&Json> =
        changes["rows"].as_array().unwrap().iter().map(|row| &row["values"]["kind"]).collect();
    let timeline = call("party.timeline", &of_account);
    json!({
        "made": made["made"],
        "won": won["status"],
        "owners": owners,
        "kinds": kinds,
        "lead": value(call, "lead", &lead, "status"),
        "name": value(call, "account", &account, "name"),
        "phone": value(call, "contact", &contact, "phone"),
        "deal": value(call, "opportunity", &deal, "status"),
        "amount": value(call, "opportunity", &deal, "amount")["amount"],
        "timeline": timeline["rows"].as_array().unwrap().len(),
        "account_is_of_the_deal": value(call, "opportunity", &deal, "account") == json!(account),
    })
}

/// Where it comes to, through whichever door.
pub fn outcome() -> Json {
    json!({
        "made": ["account", "contact", "opportunity"],
        "won": "won",
        "owners": ["me", "the pool", "me"],
        "kinds": ["returned", "claimed"],
        "lead": "converted",
        "name": "加喜企业服务有限公司",
        "phone": "+8613800138000",
        "deal": "won",
        "amount": "12800",
        "timeline": 1,
        "account_is_of_the_deal": true,
    })
}
