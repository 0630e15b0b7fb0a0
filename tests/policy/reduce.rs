//! Makes a failing case small: leaves out of its JSON whatever it does not need to fail.

use serde_json::Value;

/// The case without the members and elements that it does not need to fail. They are left out one after the other.
pub fn reduce(case: &Value, fails: &dyn Fn(&Value) -> bool) -> Value {
    let mut smallest = case.clone();
    while let Some(smaller) = shorter(&smallest).into_iter().find(|smaller| fails(smaller)) {
        smallest = smaller;
    }
    smallest
}

/// The value in all forms that lack one member or element, at any depth.
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
            for (index, element) in list.iter().enumerate() {
                let mut less = list.clone();
                less.remove(index);
                result.push(Value::Array(less));
                result.extend(shorter(element).into_iter().map(|element| {
                    let mut other = list.clone();
                    other[index] = element;
                    Value::Array(other)
                }));
            }
        }
        _ => {}
    }
    result
}
