//! Sign-ins told in a few lines, put into a real store and looked at by one detection.

use std::sync::Arc;

use durward_detect::{Choice, Finding, Fold, Lists, Settings, detections};
use durward_ingest::{Decoder, Options, Rejection, Sink, SinkError};
use durward_model::{EventBatch, Timestamp};
use durward_store::{Store, StoreOptions};
use serde_json::{Map, Value, json};

/// 2026-03-02T08:00:00Z, a Monday; µs since 1970.
pub(crate) const MONDAY_MICROS: i64 = 1_772_438_400_000_000;
pub(crate) const MINUTE: i64 = 60_000_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// Town, country, degrees north and east.
pub(crate) type Place = (&'static str, &'static str, f64, f64);
pub(crate) const VIGO: Place = ("Vigo", "ES", 42.24, -8.72);
pub(crate) const MADRID: Place = ("Madrid", "ES", 40.42, -3.70);
pub(crate) const OSAKA: Place = ("Osaka", "JP", 34.69, 135.50);
pub(crate) const LAGOS: Place = ("Lagos", "NG", 6.52, 3.38);

/// A sign-in to be told: a successful one with a browser on an unknown computer in Vigo, unless
/// changed.
#[derive(Clone, Debug)]
pub(crate) struct SignIn {
    category: &'static str,
    at_micros: i64,
    properties: Map<String, Value>,
}

impl SignIn {
    /// A member of the record, by its path with `/`.
    pub(crate) fn with(mut self, path: &str, value: impl Into<Value>) -> SignIn {
        let mut parts: Vec<&str> = path.split('/').collect();
        let last = parts.pop().unwrap();
        let mut place = &mut self.properties;
        for part in parts {
            let inner = place.entry(part).or_insert_with(|| json!({}));
            place = inner.as_object_mut().unwrap();
        }
        place.insert(last.to_owned(), value.into());
        self
    }

    /// When it happens, µs since 1970.
    pub(crate) fn at_micros(&self) -> i64 {
        self.at_micros
    }

    pub(crate) fn code(self, code: i64) -> SignIn {
        self.with("status/errorCode", code)
    }

    pub(crate) fn from(self, address: &str) -> SignIn {
        self.with("ipAddress", address)
    }

    pub(crate) fn asn(self, number: u32) -> SignIn {
        self.with("autonomousSystemNumber", number)
    }

    pub(crate) fn at(self, (city, country, north, east): Place) -> SignIn {
        self.with(
            "location",
            json!({"city": city, "state": "", "countryOrRegion": country,
                   "geoCoordinates": {"latitude": north, "longitude": east}}),
        )
    }

    pub(crate) fn app(self, name: &str) -> SignIn {
        let id = guid(&format!("app {name}"));
        self.with("appDisplayName", name).with("appId", id)
    }

    pub(crate) fn client(self, client_app: &str) -> SignIn {
        self.with("clientAppUsed", client_app)
    }

    /// A device that the directory knows.
    pub(crate) fn device(self, name: &str) -> SignIn {
        self.with("deviceDetail/deviceId", guid(&format!("device {name}")))
    }

    pub(crate) fn session(self, name: &str) -> SignIn {
        self.with("sessionId", guid(&format!("session {name}")))
    }

    pub(crate) fn agent(self, user_agent: &str) -> SignIn {
        self.with("userAgent", user_agent)
    }

    /// A resource by its well-known identifier.
    pub(crate) fn resource(self, id: &str) -> SignIn {
        self.with("resourceId", id)
    }

    /// An application by its well-known identifier.
    pub(crate) fn app_id(self, id: &str) -> SignIn {
        self.with("appId", id)
    }

    /// With these authentication steps: method, success, detail.
    pub(crate) fn steps(self, steps: &[(&str, bool, &str)]) -> SignIn {
        let steps: Vec<Value> = steps
            .iter()
            .map(|(method, succeeded, detail)| {
                json!({"authenticationMethod": method, "succeeded": succeeded,
                       "authenticationStepResultDetail": detail})
            })
            .collect();
        self.with("authenticationDetails", steps)
    }

    /// In the non-interactive log.
    pub(crate) fn silent(mut self) -> SignIn {
        self.category = "NonInteractiveUserSignInLogs";
        self.with("isInteractive", false)
    }
}

/// A GUID made from a text.
pub(crate) fn guid(text: &str) -> String {
    durward_model::Id::hash(text.as_bytes()).to_string()
}

/// A user's sign-in so many microseconds after the story begins.
pub(crate) fn user(name: &str, at_micros: i64) -> SignIn {
    let properties = json!({
        "userPrincipalName": format!("{name}@contoso.example"),
        "userDisplayName": name,
        "userId": guid(&format!("user {name}")),
        "userType": "Member",
        "clientAppUsed": "Browser",
        "isInteractive": true,
        "deviceDetail": {"deviceId": "", "operatingSystem": "Windows10", "browser": "Edge 126.0"},
        "userAgent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Edg/126.0",
        "resourceDisplayName": "Microsoft Graph",
        "resourceId": "00000003-0000-0000-c000-000000000000",
        "status": {"errorCode": 0},
        "riskState": "none",
        "authenticationRequirement": "multiFactorAuthentication",
        "authenticationProtocol": "none",
    });
    let Value::Object(properties) = properties else { unreachable!() };
    let sign_in =
        SignIn { category: "SignInLogs", at_micros: MONDAY_MICROS + at_micros, properties };
    sign_in.app("Office").from("192.0.2.10").asn(64500).at(VIGO)
}

/// A service principal's sign-in.
pub(crate) fn workload(name: &str, at_micros: i64) -> SignIn {
    let properties = json!({
        "servicePrincipalName": name,
        "servicePrincipalId": guid(&format!("principal {name}")),
        "resourceDisplayName": "Microsoft Graph",
        "resourceId": "00000003-0000-0000-c000-000000000000",
        "clientCredentialType": "clientSecret",
        "servicePrincipalCredentialKeyId": guid("key 1"),
        "status": {"errorCode": 0},
    });
    let Value::Object(properties) = properties else { unreachable!() };
    let sign_in = SignIn {
        category: "ServicePrincipalSignInLogs",
        at_micros: MONDAY_MICROS + at_micros,
        properties,
    };
    sign_in.app(name).from("192.0.2.200").asn(64500).at(VIGO)
}

/// A record of another log than those of sign-ins.
pub(crate) fn record_of(category: &'static str, at_micros: i64, properties: Value) -> SignIn {
    let Value::Object(properties) = properties else { panic!("an object, please") };
    SignIn { category, at_micros: MONDAY_MICROS + at_micros, properties }
}

/// An ordinary life: a success a day at 08:00 for so many days, from the usual place and device.
pub(crate) fn habit(name: &str, days: i64) -> Vec<SignIn> {
    (0..days).map(|day| user(name, day * DAY).device(&format!("laptop of {name}"))).collect()
}

/// A store to decode into; every record of a story can be read.
struct Taker<'a>(&'a Store);

impl Sink for Taker<'_> {
    fn batch(&mut self, batch: EventBatch) -> Result<(), SinkError> {
        self.0.append(&batch)?;
        Ok(())
    }

    fn reject(&mut self, rejection: Rejection) -> Result<(), SinkError> {
        panic!("{rejection:?}")
    }
}

/// Takes records in as an import does, as received at that time; each must be readable.
pub(crate) fn take_in(store: &Store, name: &str, lines: &[u8], received_micros: i64) {
    let received = Timestamp::from_micros(received_micros);
    Decoder::new(Options::new(received)).decode_bytes(name, lines, &mut Taker(store)).unwrap();
}

/// Writes records and numbers them.
#[derive(Default)]
pub(crate) struct Teller {
    next: usize,
}

impl Teller {
    /// Puts sign-ins into a store, as received at that time.
    pub(crate) fn tell(&mut self, store: &Store, sign_ins: &[SignIn], received_micros: i64) {
        let mut lines = Vec::new();
        for sign_in in sign_ins {
            lines.extend(self.record(sign_in).to_string().into_bytes());
            lines.push(b'\n');
        }
        take_in(store, "story", &lines, received_micros);
    }

    fn record(&mut self, sign_in: &SignIn) -> Value {
        self.next += 1;
        let mut properties = sign_in.properties.clone();
        let time = Timestamp::from_micros(sign_in.at_micros).to_rfc3339();
        let number = self.next;
        // What the teller says of identifiers goes before what is made up.
        properties.entry("id").or_insert_with(|| guid(&format!("request {number}")).into());
        properties
            .entry("correlationId")
            .or_insert_with(|| guid(&format!("attempt {number}")).into());
        properties.insert("createdDateTime".to_owned(), time.clone().into());
        json!({
            "time": time,
            "category": sign_in.category,
            "tenantId": "11111111-2222-4333-8444-555555555555",
            "properties": properties,
        })
    }
}

/// A story: sign-ins in a store.
pub(crate) struct Story {
    store: Store,
    teller: Teller,
    _dir: tempfile::TempDir,
}

impl Story {
    pub(crate) fn new(sign_ins: &[SignIn]) -> Story {
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions { background: false, ..StoreOptions::default() };
        let store = Store::open(dir.path(), options).unwrap();
        let mut story = Story { store, teller: Teller::default(), _dir: dir };
        story.tell(sign_ins);
        story
    }

    /// More of it, whenever it happened.
    pub(crate) fn tell(&mut self, sign_ins: &[SignIn]) {
        self.teller.tell(&self.store, sign_ins, MONDAY_MICROS);
    }

    /// What one detection finds in it, with its defaults.
    pub(crate) fn findings(&self, detection: &str) -> Vec<Finding> {
        self.findings_with(detection, Settings::default())
    }

    /// What one detection finds in it, with other numbers.
    pub(crate) fn findings_by(&self, detection: &str, values: &[(&str, f64)]) -> Vec<Finding> {
        let mut settings = Settings::default();
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        settings.choose(detection, Choice { values, ..Choice::default() }).unwrap();
        self.findings_with(detection, settings)
    }

    /// What one detection finds in it, with these lists.
    pub(crate) fn findings_listed(&self, detection: &str, lists: Lists) -> Vec<Finding> {
        self.findings_with(detection, Settings::new(lists))
    }

    pub(crate) fn findings_with(&self, detection: &str, settings: Settings) -> Vec<Finding> {
        let one = detections::make_one(detection, &settings).expect("the detection exists");
        let mut fold = Fold::with(Arc::new(settings), vec![one]);
        // An hour after the last sign-in, so that what must be noticed by silence is.
        let view = self.store.view();
        let last = view.chunks.iter().map(|chunk| chunk.max_micros()).max().unwrap_or(0);
        fold.advance(&view, last + HOUR, &mut |_, _| true).unwrap();
        fold.take_found()
    }

    /// Where it is.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }
}
