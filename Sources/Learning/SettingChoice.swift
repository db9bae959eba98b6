// A setting that is one of a few names.

/// One of a few names, as a setting: an enumeration of texts.
///
/// A text that is none of them gives a `CatalogueError` that lists them.
public protocol SettingChoice: RawRepresentable, CaseIterable, Codable, Hashable, Sendable
where RawValue == String {
  /// What the names are, in a word: "model".
  static var kind: String { get }
  /// What this one stands for, in one sentence.
  var summary: String { get }
}

extension SettingChoice {
  /// The names, each with what it stands for.
  public static var entries: [CatalogueEntry] {
    allCases.map { CatalogueEntry($0.rawValue, $0.summary) }
  }

  /// Reads one of the names.
  public init(from decoder: any Decoder) throws {
    let name = try decoder.singleValueContainer().decode(String.self)
    guard let choice = Self(rawValue: name) else {
      throw CatalogueError(unknown: name, kind: Self.kind, known: Self.allCases.map(\.rawValue))
    }
    self = choice
  }
}
