// One thing that a run needs of a machine, whether it is there, and what to do if not.

import Learning

/// What was found out about one thing.
struct Check: Encodable, Sendable {
  enum Verdict: String, Encodable, Sendable {
    case good
    /// A run works, though not as well as it could.
    case note
    /// A run would not work.
    case bad
  }

  let name: String
  let verdict: Verdict
  /// What was found.
  let finding: String
  /// What to do about it.
  var advice: String?

  static func good(_ name: String, _ finding: String) -> Check {
    Check(name: name, verdict: .good, finding: finding)
  }

  static func note(_ name: String, _ finding: String, advice: String) -> Check {
    Check(name: name, verdict: .note, finding: finding, advice: advice)
  }

  static func bad(_ name: String, _ finding: String, advice: String) -> Check {
    Check(name: name, verdict: .bad, finding: finding, advice: advice)
  }

  /// A line for each check, and one for each advice.
  static func table(_ checks: [Check]) -> String {
    let width = checks.map(\.name.count).max() ?? 0
    return checks.map { check in
      let mark = [Verdict.good: "ok  ", .note: "note", .bad: "BAD "][check.verdict] ?? ""
      let padding = String(repeating: " ", count: width - check.name.count)
      let advice = check.advice.map { "\n      \(String(repeating: " ", count: width))→ \($0)" }
      return "\(mark)  \(check.name)\(padding)  \(check.finding)\(advice ?? "")"
    }.joined(separator: "\n")
  }
}
