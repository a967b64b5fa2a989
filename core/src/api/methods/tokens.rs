//! Methods on the tokens by which programs sign in.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::base::RecordId;

use super::audit::moment;
use super::organisation::user_or_self;

methods! {
    /// Issues a token by which a service account signs in. Its text is told this once; the database keeps a hash.
    "token.issue" (session, given: IssueToken {
        /// The service account, by id or name.
        user: String,
        /// What the token is for.
        label: Option<String>,
        /// Until when it is good, RFC 3339; without end if not said.
        until: Option<String>,
    }) -> "{id, token, until}" {
        let user = user_or_self(session, Some(&given.user))?;
        let until = moment("until", given.until.as_deref())?;
        let token = session.issue_token(user, given.label.as_deref().unwrap_or_default(), until)?;
        Ok(json!({
            "id": token.id.to_string(),
            "token": token.reveal().as_str(),
            "until": token.until.map(|until| until.to_string()),
        }))
    }

    /// Lists the tokens of a service account that were not taken back, without their secrets.
    "token.list" (session, given: ListTokens {
        /// The service account, by id or name.
        user: String,
    }) -> "{tokens: [{id, label, issued, until, holds}]}" {
        let user = user_or_self(session, Some(&given.user))?;
        let tokens = session.tokens(user)?;
        let json = tokens.iter().map(|token| json!({
            "id": token.id.to_string(),
            "label": token.label,
            "issued": token.issued.to_string(),
            "until": token.until.map(|until| until.to_string()),
            "holds": token.holds,
        }));
        Ok(json!({"tokens": json.collect::<Vec<Json>>()}))
    }

    /// Takes a token back. Sessions that were opened by it end at their next call.
    "token.revoke" (session, given: RevokeToken {
        /// The service account, by id or name.
        user: String,
        /// The token, as `token.list` tells it.
        id: RecordId,
    }) -> "{}" {
        session.revoke_token(user_or_self(session, Some(&given.user))?, given.id)?;
        Ok(json!({}))
    }
}
