// A version of a run's state in a file, complete enough to go on from with the same bits.

import Files
import Foundation
import Learning
import NeuralNetworks
import Tensors

/// A checkpoint: parameters, statistics and Adam's moments by PyTorch's names (after `model.`,
/// `adam.first.` and `adam.second.`) in a safetensors file, with the step, the digest and the
/// experiment's fingerprint in its metadata.
public enum Checkpoint {
  private static let format = "relate-checkpoint-2"
  private static let valuesPrefix = "model."
  private static let momentsPrefix = "adam"

  /// Writes a state, whole or not at all.
  static func write(
    _ state: TrainingState, of experiment: Experiment, to path: String
  ) throws(FileError) {
    let content = contentDigest(values: state.values, moments: state.moments)
    var writer = SafetensorsWriter(metadata: [
      "format": format, "step": String(state.step), "digest": state.digest.description,
      "experiment": experiment.fingerprint().description, "content": content.description,
    ])
    writer.add(state.values, prefix: valuesPrefix)
    writer.add(state.moments, of: state.values.layout, prefix: momentsPrefix)
    try writer.write(to: path)
  }

  /// Why a checkpoint cannot be read.
  struct Problem: Error {
    let sentence: FileError
    /// Whether the file is damaged, and not that of another run.
    let isDamage: Bool
  }

  /// Reads a state and holds it against the run that it is to continue.
  ///
  /// Throws if the file is missing or damaged, or is of another experiment or model.
  public static func read(
    _ path: String, layout: ParameterLayout, of record: ExperimentRecord
  ) throws(FileError) -> TrainingState {
    do throws(Problem) { return try load(path, layout: layout, of: record) } catch {
      throw error.sentence
    }
  }

  /// Reads a state, as `read` does.
  static func load(
    _ path: String, layout: ParameterLayout, of record: ExperimentRecord
  ) throws(Problem) -> TrainingState {
    let file = try open(path)
    guard let experiment = file.metadata["experiment"].flatMap(Digest.init),
      record.checkpointFingerprints.contains(experiment)
    else {
      let sentence = FileError(
        """
        \(path) is the checkpoint of another experiment: its settings differ from those in \
        experiment.json. Give it its own directory, or start anew with another --run.
        """)
      throw Problem(sentence: sentence, isDamage: false)
    }
    guard let step = file.metadata["step"].flatMap(Int.init), step >= 0,
      let digest = file.metadata["digest"].flatMap(Digest.init)
    else { throw damaged(path, "its step or digest cannot be read") }
    let values: ParameterVector
    let moments: AdamMoments
    do throws(SafetensorsError) {
      values = try ParameterVector(file, layout: layout, prefix: valuesPrefix)
      moments = try AdamMoments(file, layout: layout, prefix: momentsPrefix)
    } catch {
      throw damaged(path, error.description)
    }
    let content = contentDigest(values: values, moments: moments)
    guard file.metadata["content"] == content.description else {
      throw damaged(path, "its numbers do not match their checksum")
    }
    return TrainingState(step: step, values: values, moments: moments, digest: digest)
  }

  private static func open(_ path: String) throws(Problem) -> Safetensors {
    let file: Safetensors
    do throws(SafetensorsError) { file = try Safetensors(contentsOf: path) } catch {
      throw damaged(path, error.description)
    }
    guard file.metadata["format"] == format else {
      throw damaged(path, "it is not a checkpoint of this version (format \(format))")
    }
    return file
  }

  private static func contentDigest(values: ParameterVector, moments: AdamMoments) -> Digest {
    Digest(rawValue: 0).extended(
      by: values.parameters, values.statistics, moments.first, moments.second)
  }

  private static func damaged(_ path: String, _ reason: String) -> Problem {
    let sentence = FileError("The checkpoint \(path) cannot be used: \(reason).")
    return Problem(sentence: sentence, isDamage: true)
  }
}
