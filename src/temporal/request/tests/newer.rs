//! Parts of requests that the method table does not know.

use super::{field, number, read};
use crate::temporal::{EffectSet, NewerPart};

#[test]
fn unknown_fields_are_reported() {
    let target = read("StartWorkflowExecution", &[field(1, b"own"), field(31, b"known"), field(20, b"")]).unwrap();
    assert_eq!(target.newer.count, 0);
    // Field 15 of `TaskQueue`, and a large one of the request itself.
    let newer = [field(1, b"own"), field(4, &number(15, 1)), vec![0xc2, 0xbb, 0x01, 0x00]];
    let target = read("StartWorkflowExecution", &newer).unwrap();
    let part = |message, field| NewerPart { message, field, value: None };
    let expected = [part("TaskQueue", 15), part("StartWorkflowExecutionRequest", 3000)];
    assert_eq!((target.newer.count, target.newer.first.as_slice()), (2, &expected[..]));
    assert_eq!(target.effects, EffectSet::START);
}

#[test]
fn unknown_arms_of_a_oneof_and_values_of_enums_are_reported() {
    let command = field(2, &field(30, b""));
    let target = read("RespondWorkflowTaskCompleted", &[command, field(9, b"own")]).unwrap();
    assert_eq!(target.newer.first, [NewerPart { message: "Command", field: 30, value: None }]);
    let target = read("StartWorkflowExecution", &[field(1, b"own"), number(22, 99)]).unwrap();
    let value = NewerPart { message: "StartWorkflowExecutionRequest", field: 22, value: Some(99) };
    assert_eq!(target.newer.first, [value]);
    assert_eq!(value.to_string(), "value 99 of field 22 of StartWorkflowExecutionRequest");
}

#[test]
fn only_a_few_unknown_fields_are_remembered() {
    let many = vec![vec![0xc2, 0xbb, 0x01, 0x00]; 100];
    let target = read("StartWorkflowExecution", &[&[field(1, b"own")], &many[..]].concat()).unwrap();
    assert_eq!((target.newer.count, target.newer.first.len()), (100, 1));
}
