// Everything that can be trained, by name.

import NeuralNetworks

/// Which task a run learns: a family and its settings, as they are written into an experiment.
public struct TaskChoice: Codable, Hashable, Sendable {
  /// The name of the family.
  public var family: String
  /// The name of the preset that the settings began as.
  public var preset: String
  /// The family's settings, which only the family can read.
  public var settings: JSONValue

  /// A choice of the given parts.
  public init(family: String, preset: String, settings: JSONValue) {
    self.family = family
    self.preset = preset
    self.settings = settings
  }
}

/// The families that a program knows.
public struct Catalogue: Sendable {
  /// All of them, also those that can only be timed.
  public let families: [any ModelFamily.Type]

  /// A catalogue of the given families.
  public init(_ families: [any ModelFamily.Type]) { self.families = families }

  /// The families that can be trained.
  public var tasks: [any TaskFamily.Type] { families.compactMap { $0 as? any TaskFamily.Type } }

  /// The task family of a name.
  ///
  /// Throws a `CatalogueError` that lists the known names if there is none.
  public func task(_ name: String) throws(CatalogueError) -> any TaskFamily.Type {
    guard let family = tasks.first(where: { $0.name == name }) else {
      throw CatalogueError(unknown: name, kind: "task", known: tasks.map { $0.name })
    }
    return family
  }

  /// The choice of a preset of a task, with some of its settings changed.
  ///
  /// Without `preset` the task's first. Throws a `CatalogueError` that lists the known names if one
  /// is unknown.
  public func choice(
    task name: String, preset: String? = nil, edits: [SettingEdit] = []
  ) throws -> TaskChoice {
    try Self.choice(of: try task(name), preset: preset, edits: edits)
  }

  private static func choice<Family: ModelFamily>(
    of family: Family.Type, preset name: String?, edits: [SettingEdit]
  ) throws -> TaskChoice {
    let preset = try family.preset(name)
    let choice = TaskChoice(
      family: family.name, preset: preset.name, settings: try JSONValue(encoding: preset.settings))
    return try choice.edited(edits, of: family)
  }

  /// A choice with some of its settings changed.
  ///
  /// Throws a `CatalogueError` if the choice or an edit has a setting that the family does not
  /// know.
  public func choice(_ choice: TaskChoice, edits: [SettingEdit] = []) throws -> TaskChoice {
    func edited<Family: TaskFamily>(_ family: Family.Type) throws -> TaskChoice {
      try choice.edited(edits, of: family)
    }
    return try edited(try task(choice.family))
  }

  /// How the choice's preset is trained; its first preset's plan if it began as none.
  public func plan(for choice: TaskChoice) throws(CatalogueError) -> TrainingPlan {
    func plan<Family: ModelFamily>(of family: Family.Type) throws(CatalogueError) -> TrainingPlan {
      try family.preset(choice.preset).plan
    }
    return try plan(of: try task(choice.family))
  }

  /// The facts of a choice, which need no data.
  public func facts(of choice: TaskChoice, data: DataSetIdentity?) throws -> TaskFacts {
    func facts<Family: TaskFamily>(of family: Family.Type) throws -> TaskFacts {
      try family.facts(try choice.settings(of: family), data: data)
    }
    return try facts(of: try task(choice.family))
  }

  /// The task of a choice, with its data.
  public func open(
    _ choice: TaskChoice, data: DataSetIdentity?, at place: DataPlace?
  ) throws -> any LearningTask {
    func open<Family: TaskFamily>(_ family: Family.Type) throws -> any LearningTask {
      try family.open(try choice.settings(of: family), data: data, at: place)
    }
    return try open(try task(choice.family))
  }
}

/// A preset of a family by one name: a model to time, or to hold against another program's.
public struct NamedModel: Sendable {
  /// `FAMILY-PRESET`, or `FAMILY` where there is one preset alone.
  public let name: String
  /// The family.
  public let family: any ModelFamily.Type
  /// The preset's name.
  public let preset: String
}

extension Catalogue {
  /// The models of all presets of all families.
  public var models: [NamedModel] {
    families.flatMap { family in
      func models<Family: ModelFamily>(of family: Family.Type) -> [NamedModel] {
        let presets = family.presets.map(\.name)
        return presets.map {
          let name = presets.count == 1 ? family.name : "\(family.name)-\($0)"
          return NamedModel(name: name, family: family, preset: $0)
        }
      }
      return models(of: family)
    }
  }

  /// The model of a name; a family's name alone stands for the preset called `paper`, or for the
  /// first one.
  ///
  /// Throws a `CatalogueError` that lists the known names if there is none.
  public func model(named name: String) throws(CatalogueError) -> NamedModel {
    let models = models
    guard
      let model = models.first(where: { $0.name == name })
        ?? models.first(where: { $0.family.name == name && $0.preset == "paper" })
        ?? models.first(where: { $0.family.name == name })
    else {
      throw CatalogueError(unknown: name, kind: "configuration", known: models.map(\.name))
    }
    return model
  }
}

extension ModelFamily {
  /// The preset of a name; the first without one.
  public static func preset(_ name: String?) throws(CatalogueError) -> Preset<Settings> {
    guard let name else { return presets[0] }
    guard let preset = presets.first(where: { $0.name == name }) else {
      throw CatalogueError(
        unknown: name, kind: "preset of \(Self.name)", known: presets.map(\.name))
    }
    return preset
  }
}

extension TaskChoice {
  /// The choice with some settings changed, complete and in the family's own form.
  fileprivate func edited<Family: ModelFamily>(
    _ edits: [SettingEdit], of family: Family.Type
  ) throws -> TaskChoice {
    var choice = self
    // Whatever a file left out that may be absent is there to be set.
    choice.settings = try JSONValue(encoding: try settings(of: family))
    for edit in edits { try choice.settings.apply(edit) }
    choice.settings = try JSONValue(encoding: try choice.settings(of: family))
    return choice
  }

  /// The settings as their family reads them.
  ///
  /// Throws a `CatalogueError` that names what is unknown, missing or of another kind.
  public func settings<Family: ModelFamily>(
    of family: Family.Type
  ) throws(CatalogueError) -> Family.Settings {
    do { return try settings.decodedStrictly(as: Family.Settings.self) } catch {
      if let error = error as? CatalogueError { throw error }
      // A name that is misspelt is missing under its right one.
      if let known = try? JSONValue(encoding: family.presets[0].settings).keys,
        let unknown = settings.keys.first(where: { !known.contains($0) })
      {
        throw CatalogueError(unknown: unknown, kind: "setting", known: known)
      }
      throw CatalogueError("the settings of \(family.name): \(readable(error))")
    }
  }
}

/// What a decoding error means, in a few words.
public func readable(_ error: any Error) -> String {
  switch error {
  case DecodingError.keyNotFound(let key, _): "\"\(key.stringValue)\" is missing."
  case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
    DecodingError.dataCorrupted(let context):
    context.codingPath.isEmpty
      ? context.debugDescription
      : "\"\(context.codingPath.map(\.stringValue).joined(separator: "."))\": "
        + context.debugDescription
  default: "\(error)"
  }
}
