// How much generated data there is, and which.

import ArgumentParser
import RelationNetworks

/// The options that fix a generated data set.
///
/// Whatever is left out comes from the preset.
struct DataOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Images of the training split.", valueName: "n"))
  var trainingImages: Int?

  @Option(help: ArgumentHelp("Images of the validation split.", valueName: "n"))
  var validationImages: Int?

  @Option(help: ArgumentHelp("Images of the test split.", valueName: "n"))
  var testImages: Int?

  @Option(help: ArgumentHelp("The key of the generated data.", valueName: "n"))
  var dataSeed: UInt64?

  /// Whether nothing was said.
  var isEmpty: Bool {
    trainingImages == nil && validationImages == nil && testImages == nil && dataSeed == nil
  }

  /// Puts what was said into a configuration.
  func apply(to configuration: inout TaskConfiguration) {
    if let trainingImages { configuration.imageCounts.training = trainingImages }
    if let validationImages { configuration.imageCounts.validation = validationImages }
    if let testImages { configuration.imageCounts.test = testImages }
    if let dataSeed { configuration.dataSeed = dataSeed }
  }

  /// Takes what was not said from a configuration.
  mutating func fillIn(from configuration: TaskConfiguration) {
    trainingImages = trainingImages ?? configuration.imageCounts.training
    validationImages = validationImages ?? configuration.imageCounts.validation
    testImages = testImages ?? configuration.imageCounts.test
    dataSeed = dataSeed ?? configuration.dataSeed
  }
}
