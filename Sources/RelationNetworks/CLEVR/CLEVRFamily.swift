// CLEVR: questions in English about rendered scenes of up to ten objects (section 3.1).
//
// The first question of the validation split of CLEVR 1.0 is about CLEVR_val_000000.png:
//
//     Are there any other things that are the same shape as the big metallic object?   no
//
// As a state description, an object is 18 numbers: three coordinates, then one-hot one of eight
// colours, three shapes, two materials and two sizes.

import Learning
import NeuralNetworks

/// CLEVR, generated or read from a directory, and the models that answer its questions.
///
/// With a data set of a directory, the settings of scenes and of the data's seed mean nothing.
public enum CLEVRFamily: TaskFamily {
  /// `clevr`.
  public static let name = "clevr"
  /// What is asked about what.
  public static let summary = "Questions in English about rendered scenes of up to ten objects."
  /// From pixels, or from rows of features, or from the question alone.
  public static let models = CLEVR.ModelName.entries
  /// The data may be another than the model was trained on.
  public static let evaluationSettings =
    ["scenes.training", "scenes.validation", "scenes.test", "dataSeed"]

  /// The model of the settings, whatever the data.
  public static func model(
    _ settings: CLEVR.Settings, data: DataSetIdentity?
  ) throws(CatalogueError) -> AnswerModel {
    try settings.check()
    return AnswerModel(settings.modelConfiguration)
  }

  /// The facts of the settings' model and data.
  public static func facts(
    _ settings: CLEVR.Settings, data: DataSetIdentity?
  ) throws(CatalogueError) -> TaskFacts {
    facts(of: try model(settings, data: data), settings, data: data)
  }

  private static func facts(
    of model: AnswerModel, _ settings: CLEVR.Settings, data: DataSetIdentity?
  ) -> TaskFacts {
    let generated = settings.generatedData
    let counts = Split.allCases.map { split in
      (split, data?.sampleCount(of: split) ?? generated.sampleCount(of: split))
    }
    let answers = data.map { CLEVR.AnswerCounts(json: $0.details) } ?? generated.answerCounts
    return TaskFacts(
      layout: model.layout, metrics: model.configuration.answers.metrics, selector: "accuracy",
      baselines: [answers.baseline].compactMap(\.self),
      sampleCounts: Dictionary(uniqueKeysWithValues: counts))
  }

  /// The task of the settings.
  public static func open(
    _ settings: CLEVR.Settings, data: DataSetIdentity?, at place: DataPlace?
  ) throws -> CLEVRTask {
    let model = try model(settings, data: data)
    let source: any CLEVR.Source
    switch (data, place) {
    case (nil, _): source = settings.generatedData
    case (let data?, let place?):
      source =
        CLEVR.PackedQuestions.exists(at: place)
        ? try CLEVR.PackedQuestions(at: place, counts: data.counts)
        : try CLEVR.PublishedQuestions(at: place, counts: data.counts)
    case (let data?, nil):
      throw CatalogueError(missing: data)
    }
    return CLEVRTask(
      model: model, facts: facts(of: model, settings, data: data), source: source,
      augments: settings.augmentation)
  }
}
