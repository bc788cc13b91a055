//! What in an event tells who a person is: taken out before the row is written, put back when it is read.
//!
//! The row keeps `null` where such a value stood. So it can be sealed for good, and the person erased later.

use serde_json::{Map, Value};

/// Names of fields that are a person's wherever they stand.
const ALWAYS: &[&str] = &[
    "phone",
    "email",
    "address",
    "notes",
    "note",
    "username",
    "customer_name",
    "recipient",
    "national_id",
    "date_of_birth",
    "user_agent",
];
/// Things that are people: their `name` is personal too, at the top or in `before` and `after`.
const PEOPLE: &[&str] = &["customer", "staff", "reseller", "lead"];

/// The actor's name and place stand apart.
pub(super) const ACTOR: i64 = 1;
/// Fields of the data stand apart.
pub(super) const DATA: i64 = 2;

/// Takes the personal values out of `data` and gives them by JSON pointer; `None` if there are none.
pub(super) fn take(subject_kind: &str, data: &mut Value) -> Option<Value> {
    let mut taken = Map::new();
    walk(PEOPLE.contains(&subject_kind), "", data, &mut taken);
    (!taken.is_empty()).then_some(Value::Object(taken))
}

fn walk(person: bool, place: &str, value: &mut Value, taken: &mut Map<String, Value>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let at = format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
                let own_name = person && name == "name" && matches!(place, "" | "/before" | "/after");
                let said = !value.is_null() && value.as_str() != Some("");
                if said && (own_name || ALWAYS.contains(&name.as_str())) {
                    taken.insert(at, value.take());
                } else {
                    walk(person, &at, value, taken);
                }
            }
        }
        Value::Array(items) => {
            for (no, item) in items.iter_mut().enumerate() {
                walk(person, &format!("{place}/{no}"), item, taken);
            }
        }
        _ => {}
    }
}

/// Puts back what [`take`] took.
pub(super) fn put_back(data: &mut Value, taken: &Value) {
    for (at, value) in taken.as_object().into_iter().flatten() {
        if let Some(place) = data.pointer_mut(at) {
            *place = value.clone();
        }
    }
}

/// Whose the fields of the data are: the customer's, where the event is about one.
pub(super) fn owner<'a>(
    customer_id: Option<&'a str>,
    subject_kind: &'a str,
    subject_id: &'a str,
) -> (&'a str, &'a str) {
    customer_id.map_or((subject_kind, subject_id), |id| ("customer", id))
}

/// Whether an actor of this kind is a person.
pub(super) fn is_person(actor_kind: &str) -> bool {
    matches!(actor_kind, "staff" | "customer" | "reseller")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn who_a_person_is_stands_apart_and_the_rest_stays() {
        let whole = json!({
            "before": { "name": "Karim", "phone": "+880171", "area": { "id": "A1", "name": "Uttara" }, "notes": "" },
            "after": { "name": "Karim Uddin", "phone": "+880171", "area": null, "notes": "gate 4" },
            "amount": { "minor": 80_000, "currency": "BDT" },
        });
        let mut row = whole.clone();
        let taken = take("customer", &mut row).unwrap();
        assert_eq!(row["before"]["area"]["name"], "Uttara");
        assert_eq!(row["amount"]["minor"], 80_000);
        let text = row.to_string();
        assert!(!text.contains("Karim") && !text.contains("+880") && !text.contains("gate 4"), "{text}");
        put_back(&mut row, &taken);
        assert_eq!(row, whole);
    }

    #[test]
    fn a_thing_has_a_name_that_stays() {
        let mut row = json!({ "after": { "name": "Home 20", "price": 1 } });
        assert!(take("package", &mut row).is_none());
        assert_eq!(row["after"]["name"], "Home 20");
    }

    proptest! {
        /// Whatever the data: what was taken out can be put back, and nothing of it stays behind.
        #[test]
        fn taken_and_put_back_is_the_same(keys in prop::collection::vec("[a-z~/]{1,3}|phone|name", 1..6), depth in 0..3_usize) {
            let mut whole = json!("+8801711000000");
            for (no, key) in keys.iter().enumerate() {
                whole = if no % 3 == depth { json!([whole, { key: 1 }]) } else { json!({ key: whole, "phone": [1, "x"] }) };
            }
            let mut row = whole.clone();
            let taken = take("customer", &mut row);
            if let Some(taken) = &taken { put_back(&mut row, taken); }
            prop_assert_eq!(row, whole);
        }
    }
}
