// CLUTRR as a family of tasks (Huang and others 2020, section 3.3).

import Files
import Learning
import NeuralNetworks
import Tensors

/// Stories of families, and models that say how two of their people are related.
public enum CLUTRRFamily: TaskFamily {
  /// `clutrr`.
  public static let name = "clutrr"
  /// What is asked about what.
  public static let summary = "How two people of a short story are related, which nobody says."
  /// The models.
  public static let models = CLUTRR.Model.entries
  /// How often a set is refined may differ.
  public static let evaluationSettings = ["refiner.evaluationSteps"]

  /// The model of the settings, for the words and relations of the data.
  public static func model(
    _ settings: CLUTRR.Settings, data: DataSetIdentity?
  ) throws(CatalogueError) -> CLUTRRModel {
    try settings.check()
    let details = try data.map(CLUTRR.DataSetDetails.init)
    return model(settings, details)
  }

  private static func model(
    _ settings: CLUTRR.Settings, _ details: CLUTRR.DataSetDetails?
  ) -> CLUTRRModel {
    // What it has never seen is a word, too, and people are words behind all others.
    CLUTRRModel(
      settings,
      wordCount: 1 + (details?.words.count ?? CLUTRR.usualWordCount) + CLUTRR.personLimit,
      answerCount: details?.relations.count ?? CLUTRR.usualAnswerCount)
  }

  /// The facts of the settings' model and of the stories that there are.
  public static func facts(
    _ settings: CLUTRR.Settings, data: DataSetIdentity?
  ) throws(CatalogueError) -> TaskFacts {
    guard let data else {
      throw CatalogueError(
        "\(name) learns from stories on disk: relate data import \(name) FROM --to DIR, then say "
          + "--data DIR")
    }
    try settings.check()
    let details = try CLUTRR.DataSetDetails(of: data)
    let model = model(settings, details)
    return TaskFacts(
      layout: model.layout, metrics: model.metrics, derived: CLUTRR.derivedFigures,
      selector: "accuracy", baselines: [details.baseline],
      sampleCounts: Dictionary(
        uniqueKeysWithValues: Split.allCases.map { ($0, data.sampleCount(of: $0)) }))
  }

  /// The task of the settings; the data are published files.
  public static func open(
    _ settings: CLUTRR.Settings, data: DataSetIdentity?, at place: DataPlace?
  ) throws -> CLUTRRTask {
    let facts = try facts(settings, data: data)
    guard let data else { preconditionFailure("\(name): facts without data") }
    guard let place else { throw CatalogueError(missing: data) }
    let details = try CLUTRR.DataSetDetails(of: data)
    return try CLUTRRTask(
      model: model(settings, details), facts: facts, details: details, counts: data.counts,
      folder: CLUTRR.Folder(at: place))
  }

  /// Made-up stories of four sentences, for timing.
  public static func trialBatch(
    for model: CLUTRRModel, count: Int, random: inout CounterRandom
  ) -> CLUTRR.Batch {
    let (sentences, length) = (4, 10)
    func words(_ shape: Shape) -> WordIndices {
      WordIndices(
        (0..<shape.count).map { _ in
          Int32(random.integer(below: UInt32(model.wordCount)))
        }, shape: shape)
    }
    return CLUTRR.Batch(
      sentences: words([count, sentences, length]),
      counts: [Int](repeating: sentences, count: count),
      text: words([count, sentences * length]),
      mentions: (0..<count).map { _ in ([0, length], [2 * length]) },
      labels: (0..<count).map { _ in Int32(random.integer(below: UInt32(model.answerCount))) },
      categories: (0..<count).map { $0 % CLUTRR.lengths.count }, names: [])
  }

  /// A batch from a file that another program may have written.
  ///
  /// It holds `sentences` `[batch, sentences, words]` and `text` `[batch, words]`, both word
  /// indices, `mentions` `[batch, 2]`, where in the text each of both people stands, and `target`
  /// `[batch]`. Nothing is filled up.
  public static func batch(
    for model: CLUTRRModel, from file: Safetensors, prefix: String
  ) throws(SafetensorsError) -> CLUTRR.Batch {
    let reader = BatchReader(file: file, prefix: prefix)
    let sentences = try reader.words("sentences", [nil, nil, nil], below: model.wordCount)
    let (batch, count) = (sentences.shape[0], sentences.shape[1])
    guard count <= model.settings.setSize else {
      throw SafetensorsError(
        file: file.file, tensor: prefix + "sentences",
        "it has \(count) sentences; a set has \(model.settings.setSize)")
    }
    let text = try reader.words("text", [batch, nil], below: model.wordCount)
    let mentions = try reader.words("mentions", [batch, 2], below: text.shape[1]).indices
    return CLUTRR.Batch(
      sentences: sentences, counts: [Int](repeating: count, count: batch), text: text,
      mentions: (0..<batch).map { ([Int(mentions[2 * $0])], [Int(mentions[2 * $0 + 1])]) },
      labels: try reader.words("target", [batch], below: model.answerCount).indices,
      categories: [Int](repeating: 0, count: batch), names: [])
  }
}
