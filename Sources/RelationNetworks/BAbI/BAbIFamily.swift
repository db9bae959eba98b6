// bAbI: short stories and a question about each (section 3.3).
//
// The first story of its first task, with the question, the answer and the line that it follows
// from:
//
//     1 Mary moved to the bathroom.
//     2 John went to the hallway.
//     3 Where is Mary?     bathroom     1

import Learning
import NeuralNetworks

/// What is known of bAbI: stories of people and things that move about (Weston and others, 2015).
public enum BAbI {
  /// The words of a sentence or a question, about.
  static let usualSentenceLength = 8
  /// The different words that a model reads, about.
  static let usualWordCount = 180
  /// The outputs where each word has one: 156 words and three marks of punctuation.
  static let usualOutputCount = 159
  /// The different answers.
  static let usualAnswerCount = 60
}

/// Stories of all twenty tasks at once, or of some, and the model that answers their questions.
public enum BAbIFamily: TaskFamily {
  /// `babi`.
  public static let name = "babi"
  /// What is asked about what.
  public static let summary = "Questions about short stories, of twenty kinds."
  /// There is one.
  public static let models: [CatalogueEntry] = []

  /// The model of the settings, for the vocabulary of the data.
  public static func model(
    _ settings: BAbI.Settings, data: DataSetIdentity?
  ) throws(CatalogueError) -> AnswerModel {
    try settings.check()
    guard let data else { return AnswerModel(settings.modelConfiguration(nil)) }
    return AnswerModel(
      settings.modelConfiguration(try BAbI.DataSetDetails(of: data).vocabulary))
  }

  /// The facts of the settings' model and of the questions that there are of its tasks.
  public static func facts(
    _ settings: BAbI.Settings, data: DataSetIdentity?
  ) throws(CatalogueError) -> TaskFacts {
    guard let data else {
      throw CatalogueError(
        "\(name) learns from stories on disk: relate data import \(name) FROM --to DIR, then say "
          + "--data DIR")
    }
    let details = try BAbI.DataSetDetails(of: data)
    return facts(of: try model(settings, data: data), settings, details)
  }

  private static func facts(
    of model: AnswerModel, _ settings: BAbI.Settings, _ details: BAbI.DataSetDetails
  ) -> TaskFacts {
    let counts = Split.allCases.map { split in
      (split, settings.tasks.reduce(0) { $0 + details.questionCount(of: $1, in: split) })
    }
    return TaskFacts(
      layout: model.layout, metrics: model.configuration.answers.metrics,
      derived: BAbI.derivedFigures, selector: "accuracy",
      baselines: [details.baseline(of: settings.tasks)],
      sampleCounts: Dictionary(uniqueKeysWithValues: counts))
  }

  /// The task of the settings; the data may be packed, or a folder of published files.
  public static func open(
    _ settings: BAbI.Settings, data: DataSetIdentity?, at place: DataPlace?
  ) throws -> BAbITask {
    let facts = try facts(settings, data: data)
    guard let data else { preconditionFailure("\(name): facts without data") }
    guard let place else { throw CatalogueError(missing: data) }
    let details = try BAbI.DataSetDetails(of: data)
    let numbers = BAbI.ModelNumbers(
      details.vocabulary, outputs: details.vocabulary.outputs(settings.answers))
    let source: any BAbI.Source =
      BAbI.PackedStories.exists(at: place)
      ? try BAbI.PackedStories(at: place, numbers: numbers)
      : try BAbI.FolderSource(at: place, counts: data.counts, numbers: numbers)
    return BAbITask(
      model: try model(settings, data: data), facts: facts, settings: settings, details: details,
      source: source)
  }
}
