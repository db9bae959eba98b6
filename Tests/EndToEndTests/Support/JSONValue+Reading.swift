// Looking into JSON without a type for it, as another program would.

import Learning

extension JSONValue {
  subscript(name: String) -> JSONValue? {
    guard case .object(let values) = self else { return nil }
    return values[name]
  }

  /// The names of an object's values in order.
  var names: [String] {
    guard case .object(let values) = self else { return [] }
    return values.keys.sorted()
  }

  var text: String? {
    guard case .string(let text) = self else { return nil }
    return text
  }

  var list: [JSONValue]? {
    guard case .array(let list) = self else { return nil }
    return list
  }

  var integer: Int? {
    guard case .integer(let value) = self else { return nil }
    return value
  }
}
