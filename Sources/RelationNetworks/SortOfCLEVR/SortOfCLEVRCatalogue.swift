// The models and presets of Sort-of-CLEVR.

import NeuralNetworks

/// The models and presets of Sort-of-CLEVR, and the tasks they make.
enum SortOfCLEVRCatalogue {
  /// A set of sizes, and how to train a model of them.
  struct Preset {
    let name: String
    let summary: String
    let model: String
    let sizes: TaskConfiguration.Sizes
    var imageCounts = SortOfCLEVR.ImageCounts()
    let defaults: PresetDefaults
  }

  static let models = [
    CatalogueEntry(
      name: "cnn-rn", summary: "A relation network over the cells of a convolved image."),
    CatalogueEntry(
      name: "cnn-mlp",
      summary: "The paper's baseline: a perceptron of the same layers over the convolved image."),
    CatalogueEntry(name: "state-rn", summary: "A relation network over six rows of features."),
    CatalogueEntry(name: "state-mlp", summary: "A perceptron over six rows of features."),
  ]

  static let presets = [
    Preset(
      name: "small",
      summary: "The size of public re-implementations: 24 kernels, g of 256, f of 256.",
      model: "cnn-rn",
      sizes: .init(
        convolutionChannels: [24, 24, 24, 24], pairWidths: [256, 256, 256, 256],
        readoutWidths: [256, 256]),
      // With the paper's 9,800, distances are learnt by heart before they are understood.
      imageCounts: .init(training: 100_000),
      // Which colour is where is learnt late and all at once, after two million samples or more,
      // hardly sooner at higher rates or in larger steps; at higher ones units of f die. Distances
      // take twelve.
      defaults: PresetDefaults(
        steps: 190_000,
        learningRate: .cosineRestarts(
          rate: 2.5e-4, warmUpSteps: 200, cycles: [110_000, 80_000], finalFraction: 0.02),
        batchSize: 32, replicas: 2, evaluationInterval: 1_000)),
    Preset(
      name: "paper",
      summary: "Appendix D: 32 to 256 kernels, g of 2000, f of 2000, 1000, 500 and 100.",
      model: "cnn-rn",
      sizes: .init(
        convolutionChannels: [32, 64, 128, 256], pairWidths: [2000, 2000, 2000, 2000],
        readoutWidths: [2000, 1000, 500, 100]),
      defaults: PresetDefaults(
        steps: 30_000, learningRate: .constant(rate: 1e-4), batchSize: 64, replicas: 10,
        evaluationInterval: 500)),
    Preset(
      name: "quick",
      summary: "Minutes on two cores: state descriptions, g of 128, f of 128, 100,000 scenes.",
      model: "state-rn",
      sizes: .init(
        convolutionChannels: [16, 16, 16, 16], pairWidths: [128, 128, 128, 128],
        readoutWidths: [128, 128]),
      // More scenes than the paper's, because relations of positions are learnt from many, and a
      // scene costs nothing.
      imageCounts: .init(training: 100_000),
      defaults: PresetDefaults(
        steps: 6_000,
        learningRate: .cosine(rate: 4e-3, warmUpSteps: 200, totalSteps: 6_000, finalFraction: 0),
        batchSize: 64, replicas: 10, evaluationInterval: 500)),
  ]

  static let description = TaskDescription(
    name: "sort-of-clevr",
    summary: "Relational and non-relational questions about pictures of six coloured objects.",
    models: models, presets: presets.map { CatalogueEntry(name: $0.name, summary: $0.summary) })

  static func preset(_ name: String) throws(CatalogueError) -> Preset {
    guard let preset = presets.first(where: { $0.name == name }) else {
      throw CatalogueError(unknown: name, kind: "preset", known: presets.map(\.name))
    }
    return preset
  }

  static func configuration(
    model: String?, preset name: String?
  ) throws(CatalogueError) -> TaskConfiguration {
    let preset = try preset(name ?? presets[0].name)
    let model = model ?? preset.model
    try requireModel(model)
    return TaskConfiguration(
      task: description.name, model: model, preset: preset.name, sizes: preset.sizes,
      imageCounts: preset.imageCounts)
  }

  static func task(_ configuration: TaskConfiguration) throws(CatalogueError) -> SortOfCLEVRTask {
    try requireModel(configuration.model)
    try requireCounts(configuration.imageCounts)
    let sizes = configuration.sizes
    let readsPixels = configuration.model.hasPrefix("cnn")
    try requireWidths(sizes.pairWidths, "pairWidths")
    try requireWidths(sizes.readoutWidths, "readoutWidths")
    if readsPixels { try requireWidths(sizes.convolutionChannels, "convolutionChannels") }
    guard sizes.dropout >= 0, sizes.dropout < 1 else {
      throw CatalogueError("dropout is \(sizes.dropout); it must be at least 0 and below 1")
    }
    let model = AnswerModelConfiguration(
      scene: readsPixels
        ? .image(extent: SortOfCLEVR.imageExtent, channels: sizes.convolutionChannels)
        : .objects(count: SortOfCLEVR.objectCount, features: SortOfCLEVR.featureCount),
      question: .bits(SortOfCLEVR.Question.bitCount),
      reasoning: configuration.model.hasSuffix("rn") ? .relation : .perceptron,
      pairWidths: sizes.pairWidths, readoutWidths: sizes.readoutWidths,
      answerCount: SortOfCLEVR.Answer.allCases.count, dropout: sizes.dropout)
    return SortOfCLEVRTask(
      dataSet: .init(seed: configuration.dataSeed, imageCounts: configuration.imageCounts),
      model: model)
  }

  static func requireCounts(_ counts: SortOfCLEVR.ImageCounts) throws(CatalogueError) {
    for split in Split.allCases where !(1...1 << 32).contains(counts[split]) {
      throw CatalogueError(
        "the \(split.rawValue) split has \(counts[split]) images; it needs at least one")
    }
  }

  private static func requireModel(_ name: String) throws(CatalogueError) {
    guard models.contains(where: { $0.name == name }) else {
      throw CatalogueError(unknown: name, kind: "model", known: models.map(\.name))
    }
  }

  private static func requireWidths(_ widths: [Int], _ name: String) throws(CatalogueError) {
    guard !widths.isEmpty, widths.count <= 64, widths.allSatisfy({ (1...65_536).contains($0) })
    else {
      throw CatalogueError("\(name) are \(widths); give 1 to 64 widths from 1 to 65536")
    }
  }
}
