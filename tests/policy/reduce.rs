//! Makes a failing case small: whatever can be left out of its JSON is left out.

use serde_json::Value;

/// The smallest that still fails, of those that come from leaving out one member or one element after the other.
pub fn reduce(case: &Value, fails: &dyn Fn(&Value) -> bool) -> Value {
    let mut smallest = case.clone();
    while let Some(smaller) = shorter(&smallest).into_iter().find(|smaller| fails(smaller)) {
        smallest = smaller;
    }
    smallest
}

/// Every value with one member or element less, at any depth.
fn shorter(value: &Value) -> Vec<Value> {
    let mut result = Vec::new();
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let mut less = members.clone();
                less.remove(name);
                result.push(Value::Object(less));
                result.extend(shorter(member).into_iter().map(|member| {
                    let mut other = members.clone();
                    other[name] = member;
                    Value::Object(other)
                }));
            }
        }
        Value::Array(list) => {
            for (place, element) in list.iter().enumerate() {
                let mut less = list.clone();
                less.remove(place);
                result.push(Value::Array(less));
                result.extend(shorter(element).into_iter().map(|element| {
                    let mut other = list.clone();
                    other[place] = element;
                    Value::Array(other)
                }));
            }
        }
        _ => {}
    }
    result
}
