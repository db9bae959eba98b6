// swift-tools-version: 6.1
import PackageDescription

// Two chains of libraries, one of mathematics and one of messages, that only `Training` joins;
// only `Launching` (and the three executables on top of it) knows the papers as well.
//
//   relate, ParameterServer, Worker -> Launching -> Training, RelationNetworks
//   Training, RelationNetworks -> Learning
//   Learning -> NeuralNetworks -> Autodiff -> Tensors -> COpenBLAS, COneDNN, CKernels
//   Training -> Messaging -> CZeroMQ
//   Training, NeuralNetworks -> Files

// `scripts/sanitize.sh` sets it: memory of its own for every tensor, and loops for one instruction
// set, because sanitizers are not there yet when the loader picks from several.
let isSanitizing = Context.environment["RELATE_SANITIZING"] != nil

let settings: [SwiftSetting] =
  [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
  ] + (isSanitizing ? [.define("EVERY_TENSOR_ALLOCATES")] : [])
let loopSettings: [CSetting] =
  isSanitizing ? [.define("CLONES", to: ""), .define("CLONES_WITH_FMA", to: "")] : []

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = [])
  -> Target
{
  .testTarget(
    name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "Relate",
  products: [
    .executable(name: "relate", targets: ["relate"]),
    .executable(name: "ParameterServer", targets: ["ParameterServer"]),
    .executable(name: "Worker", targets: ["Worker"]),
    .library(name: "RelationNetworks", targets: ["RelationNetworks"]),
    .library(name: "Training", targets: ["Training"]),
    .library(name: "Learning", targets: ["Learning"]),
    .library(name: "NeuralNetworks", targets: ["NeuralNetworks"]),
    .library(name: "Autodiff", targets: ["Autodiff"]),
    .library(name: "Tensors", targets: ["Tensors"]),
    .library(name: "Files", targets: ["Files"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    // C: the system's libraries, what loads or begins three of them, and our own kernels.
    .target(name: "COpenBLAS"),
    .target(name: "COneDNN"),
    .target(name: "CKernels", cSettings: loopSettings),
    .target(name: "CChipmunk", linkerSettings: [.linkedLibrary("chipmunk")]),
    .systemLibrary(name: "CZeroMQ", providers: [.apt(["libzmq3-dev"])]),
    .systemLibrary(name: "CXXHash", providers: [.apt(["libxxhash-dev"])]),
    .systemLibrary(name: "CPNG", providers: [.apt(["libpng-dev"])]),
    .systemLibrary(name: "CZip", providers: [.apt(["libzip-dev"])]),

    // Files that are replaced as a whole or grow at their end, safetensors, pictures, and what data
    // sets on disk are made of.
    library("Files"),
    library("Pictures", ["CPNG", "Files"]),
    library("DataFiles", ["Files", "CXXHash", "CZip"]),

    // The mathematics.
    library("Tensors", ["COpenBLAS", "COneDNN", "CKernels"]),
    library("Autodiff", ["Tensors"]),
    library("NeuralNetworks", ["Autodiff", "Tensors", "Files"]),

    // What training and the papers agree on.
    library(
      "Learning", ["NeuralNetworks", "Autodiff", "Tensors", "Files", "DataFiles", "CXXHash"]),

    // The papers.
    library(
      "RelationNetworks",
      [
        "Learning", "NeuralNetworks", "Autodiff", "Tensors", "Files", "DataFiles", "Pictures",
        "CChipmunk",
      ]),

    // The runs.
    library("Messaging", ["CZeroMQ"]),
    library(
      "Training",
      ["Learning", "NeuralNetworks", "Autodiff", "Tensors", "Messaging", "Files", "CXXHash"]),

    // The rim.
    library(
      "Launching",
      [
        "Training", "RelationNetworks", "Learning", "NeuralNetworks", "Autodiff", "Tensors",
        "DataFiles", "Files", "Messaging", argumentParser,
      ]),
    .executableTarget(
      name: "relate", dependencies: ["Launching", argumentParser], swiftSettings: settings),
    .executableTarget(
      name: "ParameterServer", dependencies: ["Launching", argumentParser], swiftSettings: settings),
    .executableTarget(
      name: "Worker", dependencies: ["Launching", argumentParser], swiftSettings: settings),

    // A folder of tests beside each library, and the executables and the source tree as a whole.
    .target(
      name: "TestSupport", dependencies: ["Tensors"], path: "Tests/TestSupport",
      swiftSettings: settings),
    tests("FilesTests", ["Files"]),
    tests("PicturesTests", ["Pictures", "Files"]),
    tests("DataFilesTests", ["DataFiles", "Files"], resources: [.copy("Golden")]),
    tests("TensorsTests", ["Tensors", "TestSupport"]),
    tests("AutodiffTests", ["Autodiff", "Tensors", "TestSupport"], resources: [.copy("Golden")]),
    tests(
      "NeuralNetworksTests", ["NeuralNetworks", "Autodiff", "Tensors", "Files", "TestSupport"],
      resources: [.copy("Golden")]),
    tests("LearningTests", ["Learning", "NeuralNetworks", "Autodiff", "Tensors"]),
    tests(
      "RelationNetworksTests",
      [
        "RelationNetworks", "Learning", "NeuralNetworks", "Autodiff", "Tensors", "Files",
        "Pictures", "TestSupport",
      ],
      resources: [.copy("Golden")]),
    tests("MessagingTests", ["Messaging", "TestSupport"]),
    tests(
      "TrainingTests",
      [
        "Training", "Learning", "NeuralNetworks", "Autodiff", "Tensors", "Messaging", "Files",
        "TestSupport",
      ]
    ),
    tests(
      "EndToEndTests",
      [
        "relate", "ParameterServer", "Worker", "Launching", "Training", "RelationNetworks",
        "Learning", "NeuralNetworks", "Autodiff", "Tensors", "Files", "Messaging", "TestSupport",
        argumentParser,
      ],
      resources: [.copy("Golden")]),
    tests("RepositoryTests", []),
  ]
)

// Sanitizers see to the kernels and their tests alone; the rest is long to build.
if isSanitizing {
  let sanitized = [
    "COpenBLAS", "COneDNN", "CKernels", "Tensors", "TensorsTests", "Autodiff", "AutodiffTests",
  ]
  package.targets.removeAll { !sanitized.contains($0.name) }
  package.products = []
  package.dependencies = []
}
