// How often each answer is right, and what is reached by knowing nothing else.

import Learning

extension CLEVR {
  /// How often each answer is right, for each type of question: by the last function of its
  /// program, of which a category may have several.
  struct AnswerCounts: Sendable {
    /// By split, category, type and answer.
    private var counts: [Split: [Category: [String: [String: Int]]]] = [:]

    init() {}

    /// Counts a question of a split.
    mutating func add(_ question: Question, to split: Split) {
      guard let function = question.program?.steps.last?.function,
        let category = question.category, let answer = question.answer
      else { return }
      counts[split, default: [:]][category, default: [:]][function.name, default: [:]][
        answer.name, default: 0] += 1
    }

    /// The counts that the details of a data set tell; what makes no sense is passed over.
    init(json: JSONValue) {
      for split in Split.allCases {
        for category in Category.allCases {
          guard
            case .object(let types)? = json.value(at: ["answers", split.rawValue, category.name])
          else { continue }
          for (type, answers) in types {
            guard case .object(let answers) = answers else { continue }
            let known = answers.compactMapValues { count -> Int? in
              guard case .integer(let count) = count, (1..<1 << 40).contains(count) else {
                return nil
              }
              return count
            }
            counts[split, default: [:]][category, default: [:]][type] = known
          }
        }
      }
    }

    /// The counts as the details of a data set.
    var json: JSONValue {
      func object<Key, Value>(
        _ values: [Key: Value], _ name: (Key) -> String, _ json: (Value) -> JSONValue
      ) -> JSONValue {
        .object(
          Dictionary(uniqueKeysWithValues: values.map { (name($0.key), json($0.value)) }))
      }
      let splits = object(counts, \.rawValue) { categories in
        object(categories, \.name) { types in
          object(types, { $0 }) { object($0, { $0 }, { .integer($0) }) }
        }
      }
      return .object(["answers": splits])
    }

    /// Always the answer that is commonest in training for the type of question: the baseline
    /// "Q-type" of the paper's table 1; `nil` if nothing was counted.
    var baseline: Baseline? {
      let measurements = counts.map { split, categories in
        let values = categories.map { category, types in
          let all = types.values.reduce(0) { $0 + $1.values.reduce(0, +) }
          let right = types.reduce(0) { sum, type in
            let learnt = counts[.training]?[category]?[type.key] ?? type.value
            return sum + (Self.commonest(learnt).flatMap { type.value[$0] } ?? 0)
          }
          return (category.metric.path, Measurement(sum: Double(right), weight: Double(all)))
        }
        return (split, Dictionary(uniqueKeysWithValues: values))
      }
      guard !measurements.isEmpty else { return nil }
      return Baseline(
        "the commonest answer of the type", Dictionary(uniqueKeysWithValues: measurements))
    }

    /// The answer with the largest count, of several the first by name.
    private static func commonest(_ answers: [String: Int]) -> String? {
      answers.min { ($1.value, $0.key) < ($0.value, $1.key) }?.key
    }
  }
}
