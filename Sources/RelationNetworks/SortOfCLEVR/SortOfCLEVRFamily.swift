// Sort-of-CLEVR: questions about pictures of six coloured objects (section 5.3 and appendix D).
//
// Image 0 of the training split of data seed 1 shows, columns and rows counted from the top left,
//
//     red square 43 12     green square 48 60    blue square 67 56
//     orange circle 26 64  gray circle 40 25     yellow square 26 26
//
// and two of the twenty questions about it are
//
//     What shape is the orange object?                       circle
//     What shape is the object nearest to the gray one?      square
import Learning
import NeuralNetworks

/// Sort-of-CLEVR, generated or read from a directory, and the models that answer its questions.
///
/// With a data set of a directory, the settings of images and of the data's seed mean nothing.
public enum SortOfCLEVRFamily: TaskFamily {
  /// `sort-of-clevr`.
  public static let name = "sort-of-clevr"
  /// What is asked about what.
  public static let summary =
    "Relational and non-relational questions about pictures of six coloured objects."
  /// The four models.
  public static let models = SortOfCLEVR.ModelName.entries
  /// The data may be another than the model was trained on.
  public static let evaluationSettings =
    ["images.training", "images.validation", "images.test", "dataSeed"]
    + ["refinement.inner.evaluationSteps"]

  /// The model of the settings, whatever the data.
  public static func model(
    _ settings: SortOfCLEVR.Settings, data: DataSetIdentity?
  ) throws(CatalogueError) -> AnswerModel {
    try settings.check()
    return AnswerModel(settings.modelConfiguration)
  }

  /// The facts of the settings' model and data.
  public static func facts(
    _ settings: SortOfCLEVR.Settings, data: DataSetIdentity?
  ) throws(CatalogueError) -> TaskFacts {
    facts(of: try model(settings, data: data), settings, data: data)
  }

  private static func facts(
    of model: AnswerModel, _ settings: SortOfCLEVR.Settings, data: DataSetIdentity?
  ) -> TaskFacts {
    let dataSet = SortOfCLEVR.DataSet(seed: settings.dataSeed, imageCounts: settings.images)
    let counts = Split.allCases.map { split in
      (split, data?.sampleCount(of: split) ?? dataSet.sampleCount(of: split))
    }
    return TaskFacts(
      layout: model.layout, metrics: model.metrics, selector: "accuracy",
      baselines: [data.map { baseline(of: $0) } ?? dataSet.commonestAnswers()].compactMap(\.self),
      sampleCounts: Dictionary(uniqueKeysWithValues: counts))
  }

  /// The task of the settings.
  public static func open(
    _ settings: SortOfCLEVR.Settings, data: DataSetIdentity?, at place: DataPlace?
  ) throws -> SortOfCLEVRTask {
    let model = try model(settings, data: data)
    let source: any SortOfCLEVR.Source
    switch (data, place) {
    case (nil, _):
      source = SortOfCLEVR.DataSet(seed: settings.dataSeed, imageCounts: settings.images)
    case (let data?, let place?):
      source =
        SortOfCLEVR.PackedScenes.exists(at: place)
        ? try SortOfCLEVR.PackedScenes(at: place, counts: data.counts)
        : SortOfCLEVR.SceneDirectory(at: place, counts: data.counts)
    case (let data?, nil):
      throw CatalogueError(missing: data)
    }
    return SortOfCLEVRTask(
      model: model, facts: facts(of: model, settings, data: data), source: source)
  }
}
