//! The configurations on a page: all blocks that are fenced as `yaml`. Other YAML is fenced as `yml`.

use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Map, Value};

/// All configurations on a page, in the form in which the module gets them.
pub fn configurations(page: &str) -> Vec<Value> {
    let fenced = page.split("\n```yaml\n").skip(1).map(|rest| rest.split_once("\n```").unwrap().0);
    fenced.map(parse).collect()
}

fn parse(text: &str) -> Value {
    let documents = Yaml::load_from_str(text).unwrap_or_else(|error| panic!("{error}:\n{text}"));
    match documents.as_slice() {
        [document] => json(document),
        _ => panic!("expected one document:\n{text}"),
    }
}

fn json(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Boolean(yes)) => Value::from(*yes),
        Yaml::Value(Scalar::Integer(number)) => Value::from(*number),
        Yaml::Value(Scalar::String(text)) => Value::from(text.as_ref()),
        Yaml::Sequence(list) => list.iter().map(json).collect(),
        Yaml::Mapping(members) => {
            let member = |(name, value): (&Yaml<'_>, &Yaml<'_>)| (name.as_str().unwrap().to_owned(), json(value));
            Value::Object(members.iter().map(member).collect::<Map<_, _>>())
        }
        other => panic!("a configuration cannot have this value: {other:?}"),
    }
}
