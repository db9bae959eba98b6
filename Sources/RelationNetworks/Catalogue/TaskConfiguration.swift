// What fixes a task and its model, as it is written into an experiment.

/// What fixes a task and its model: with it and the run's seed, every process builds the same data
/// and the same parameters.
///
/// `TaskCatalogue` makes one from names, and a task from one.
public struct TaskConfiguration: Codable, Hashable, Sendable {
  /// The widths of a model's layers.
  public struct Sizes: Codable, Hashable, Sendable {
    /// The kernels of each convolution; unused by models that read state descriptions.
    public var convolutionChannels: [Int]
    /// The widths of the layers of g_θ.
    public var pairWidths: [Int]
    /// The widths of the hidden layers of f_φ.
    public var readoutWidths: [Int]
    /// The share of the last hidden layer of f_φ that training drops.
    public var dropout: Float

    /// The given widths.
    public init(
      convolutionChannels: [Int], pairWidths: [Int], readoutWidths: [Int], dropout: Float = 0
    ) {
      self.convolutionChannels = convolutionChannels
      self.pairWidths = pairWidths
      self.readoutWidths = readoutWidths
      self.dropout = dropout
    }
  }

  /// The name of the task.
  public var task: String
  /// The name of the model.
  public var model: String
  /// The name of the preset that the sizes began as.
  public var preset: String
  /// The widths of the model's layers.
  public var sizes: Sizes
  /// The number of images of each split.
  public var imageCounts: SortOfCLEVR.ImageCounts
  /// What the data is drawn from; apart from the run's seed, so that runs with different initial
  /// values and orders of samples see the same data.
  public var dataSeed: UInt64

  /// A configuration of the given parts.
  public init(
    task: String, model: String, preset: String, sizes: Sizes,
    imageCounts: SortOfCLEVR.ImageCounts = .init(), dataSeed: UInt64 = 1
  ) {
    self.task = task
    self.model = model
    self.preset = preset
    self.sizes = sizes
    self.imageCounts = imageCounts
    self.dataSeed = dataSeed
  }
}
