//! The description of the interface, in OpenAPI 3.1.
//!
//! Made from the table of endpoints and the field catalogue; a test compares it with a file, so
//! that no change of the contract goes unnoticed.

use axum::http::{Method, StatusCode};
use axum::response::Response;
use durward_model::Kind;
use durward_model::field::{FIELDS, GraphVersion};
use serde_json::{Map, Value, json};

use crate::{rest, routes};

/// A parameter of an operation.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    name: &'static str,
    place: &'static str,
    description: &'static str,
}

impl Parameter {
    pub(crate) fn query(name: &'static str, description: &'static str) -> Parameter {
        Parameter { name, place: "query", description }
    }

    pub(crate) fn path(name: &'static str, description: &'static str) -> Parameter {
        Parameter { name, place: "path", description }
    }

    fn describe(&self) -> Value {
        json!({
            "name": self.name,
            "in": self.place,
            "required": self.place == "path",
            "description": self.description,
            "schema": { "type": "string" },
        })
    }
}

/// What one method of one path does.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    tag: &'static str,
    summary: String,
    parameters: Vec<Parameter>,
    body: Option<(&'static str, &'static str)>,
    status: StatusCode,
    /// Content type and schema; `None` for a file.
    answer: Option<(&'static str, &'static str)>,
}

impl Operation {
    pub(crate) fn new(tag: &'static str, summary: impl Into<String>) -> Operation {
        Operation {
            tag,
            summary: summary.into(),
            parameters: Vec::new(),
            body: None,
            status: StatusCode::OK,
            answer: None,
        }
    }

    pub(crate) fn parameters(mut self, more: &[Parameter]) -> Operation {
        self.parameters.extend_from_slice(more);
        self
    }

    pub(crate) fn body(mut self, kind: &'static str, schema: &'static str) -> Operation {
        self.body = Some((kind, schema));
        self
    }

    pub(crate) fn status(mut self, status: StatusCode) -> Operation {
        self.status = status;
        self
    }

    pub(crate) fn answer(mut self, kind: &'static str, schema: &'static str) -> Operation {
        self.answer = Some((kind, schema));
        self
    }

    /// The answer is a file.
    pub(crate) fn answer_binary(mut self) -> Operation {
        self.answer = None;
        self
    }

    fn describe(&self) -> Value {
        let schema = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
        let content = match self.answer {
            Some((kind, name)) => json!({ kind: { "schema": schema(name) } }),
            None => json!({
                "text/csv": {},
                "application/json": {},
                "application/x-ndjson": {},
                "application/vnd.apache.parquet": {},
            }),
        };
        let ok = self.status.as_str();
        let mut operation = json!({
            "tags": [self.tag],
            "summary": self.summary,
            "responses": {
                ok: { "description": self.status.canonical_reason(), "content": content },
                "default": {
                    "description": "An error",
                    "content": { "application/json": { "schema": schema("Error") } },
                },
            },
        });
        if !self.parameters.is_empty() {
            operation["parameters"] = self.parameters.iter().map(Parameter::describe).collect();
        }
        if let Some((kind, name)) = self.body {
            let content = json!({ kind: { "schema": schema(name) } });
            operation["requestBody"] = json!({ "required": true, "content": content });
        }
        operation
    }
}

/// The whole description.
pub fn document() -> Value {
    let mut paths = Map::new();
    for endpoint in routes::endpoints() {
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        path[method_name(&endpoint.method)] = endpoint.operation.describe();
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "durward",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Sign-in logs: Microsoft Graph's shapes, our own, and push.",
        },
        "paths": paths,
        "components": { "schemas": schemas() },
    })
}

fn method_name(method: &Method) -> String {
    method.as_str().to_ascii_lowercase()
}

/// `GET /api/openapi.json`
pub(crate) async fn serve() -> Response {
    rest::json(document().to_string())
}

fn schemas() -> Value {
    let events = json!({ "type": "array", "items": { "$ref": "#/components/schemas/Event" } });
    let graph = |name: &str| {
        let item = format!("#/components/schemas/{name}");
        json!({
            "type": "object",
            "required": ["value"],
            "properties": {
                "@odata.context": { "type": "string" },
                "@odata.count": { "type": "integer" },
                "@odata.nextLink": { "type": "string", "description": "Absent on the last page" },
                "value": { "type": "array", "items": { "$ref": item } },
            },
        })
    };
    json!({
        "Any": {},
        "Record": { "type": "object" },
        "Records": {
            "description": "JSON Lines, an array, {\"records\":[…]} or {\"value\":[…]}",
        },
        "SignIn": sign_in(),
        "SignInPage": graph("SignIn"),
        "Risk": { "type": "object", "description": "As Microsoft Graph has it" },
        "RiskPage": graph("Risk"),
        "RiskDecision": risk_decision(),
        "SummarizedSignIn": { "type": "object" },
        "SummarizedSignInPage": graph("SummarizedSignIn"),
        "Event": {
            "allOf": [
                { "$ref": "#/components/schemas/SignIn" },
                { "type": "object", "properties": { "durward": durward() } },
            ],
        },
        "EventPage": {
            "type": "object",
            "properties": {
                "count": { "type": "integer" },
                "nextCursor": { "type": ["string", "null"] },
                "value": events,
            },
        },
        "Summary": summary(),
        "ExportRequest": {
            "type": "object",
            "description": "The parameters of the GET, as texts",
            "additionalProperties": { "type": "string" },
        },
        "Accepted": accepted(),
        "AlertChange": alert_change(),
        "Error": error(),
    })
}

fn risk_decision() -> Value {
    let ids = json!({ "type": "array", "items": { "type": "string" } });
    json!({
        "type": "object",
        "description": "The identifiers, in the member that fits the collection",
        "properties": {
            "userIds": ids,
            "servicePrincipalIds": ids,
            "agentIds": ids,
            "requestIds": ids,
            "note": { "type": "string", "description": "Why; kept with the decision" },
        },
    })
}

fn durward() -> Value {
    let text = json!({ "type": ["string", "null"] });
    json!({
        "type": "object",
        "properties": {
            "status": text, "statusReason": text, "errorName": text, "errorCategory": text,
            "log": { "type": "string" }, "tenantId": text, "category": text,
            "publishedDateTime": text, "receivedDateTime": text,
            "durationMs": { "type": ["integer", "null"] },
            "revision": { "type": "integer" },
        },
    })
}

fn summary() -> Value {
    let counts = json!({
        "count": { "type": "integer" },
        "success": { "type": "integer" },
        "failure": { "type": "integer" },
        "interrupted": { "type": "integer" },
    });
    let with = |name: &str| {
        let mut properties = counts.clone();
        properties[name] = json!({ "type": "string" });
        json!({ "type": "array", "items": { "type": "object", "properties": properties } })
    };
    let mut properties = counts.clone();
    properties["from"] = json!({ "type": ["string", "null"] });
    properties["to"] = json!({ "type": ["string", "null"] });
    properties["hours"] = with("hour");
    properties["by"] = json!({ "type": "object", "additionalProperties": with("value") });
    json!({ "type": "object", "properties": properties })
}

fn accepted() -> Value {
    json!({
        "type": "object",
        "description": "Everything counted here is durable",
        "properties": {
            "new": { "type": "integer" },
            "known": { "type": "integer" },
            "revised": { "type": "integer" },
            "other": { "type": "integer", "description": "Records of other logs" },
            "rejectedCount": { "type": "integer" },
            "rejected": {
                "type": "array",
                "description": "The first 100",
                "items": {
                    "type": "object",
                    "properties": {
                        "line": { "type": ["integer", "null"] },
                        "field": { "type": ["string", "null"] },
                        "reason": { "type": "string" },
                        "excerpt": { "type": "string" },
                    },
                },
            },
        },
    })
}

fn alert_change() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "properties": {
            "alerts": {
                "type": "array",
                "items": { "type": "integer" },
                "description": "Which, where several are changed",
            },
            "state": { "enum": ["new", "inProgress", "closed"] },
            "verdict": { "enum": ["truePositive", "falsePositive", "benignPositive"] },
            "assignee": { "type": ["string", "null"] },
            "note": text,
            "check": {
                "type": "object",
                "properties": { "text": text, "done": { "type": "boolean" } },
            },
            "version": {
                "type": "integer",
                "description": "The change is refused (409) if the alert has another by now",
            },
        },
    })
}

fn error() -> Value {
    json!({
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message", "innerError"],
                "properties": {
                    "code": { "type": "string" },
                    "message": { "type": "string" },
                    "position": { "type": "integer", "description": "In a filter, from 0" },
                    "property": { "type": "string" },
                    "parameter": { "type": "string" },
                    "kept": { "$ref": "#/components/schemas/Accepted" },
                    "innerError": {
                        "type": "object",
                        "properties": {
                            "date": { "type": "string" },
                            "request-id": { "type": "string" },
                            "client-request-id": { "type": "string" },
                        },
                    },
                },
            },
        },
    })
}

/// The `signIn` object of beta, from the field catalogue.
fn sign_in() -> Value {
    let mut root = json!({ "type": "object", "properties": {} });
    for field in FIELDS {
        if !matches!(field.graph, GraphVersion::V1 | GraphVersion::Beta) {
            continue;
        }
        let mut at = &mut root;
        for part in field.name.split('/') {
            at["type"] = json!("object");
            at = &mut at["properties"][part];
        }
        *at = match field.kind {
            Kind::Text | Kind::Id | Kind::Enum(_) => json!({ "type": ["string", "null"] }),
            Kind::Time => json!({ "type": ["string", "null"], "format": "date-time" }),
            Kind::Int => json!({ "type": ["integer", "null"] }),
            Kind::Float => json!({ "type": ["number", "null"] }),
            Kind::Bool => json!({ "type": ["boolean", "null"] }),
            Kind::Object => json!({ "type": ["object", "null"] }),
            Kind::TextList => json!({ "type": "array", "items": { "type": "string" } }),
            Kind::ObjectList => json!({ "type": "array", "items": { "type": "object" } }),
        };
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_is_described() {
        let document = document();
        for endpoint in routes::endpoints() {
            let operation = &document["paths"][endpoint.path][method_name(&endpoint.method)];
            assert!(operation["summary"].is_string(), "{} {}", endpoint.method, endpoint.path);
            for part in endpoint.path.split('/').filter_map(|part| part.strip_prefix('{')) {
                let name = part.trim_end_matches('}');
                let parameters = operation["parameters"].as_array().expect("parameters");
                assert!(parameters.iter().any(|p| p["name"] == name), "{}", endpoint.path);
            }
        }
    }

    #[test]
    fn every_schema_named_is_there() {
        let document = document();
        let text = document.to_string();
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(document["components"]["schemas"][name] != Value::Null, "{name}");
        }
    }
}
