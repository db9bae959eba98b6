// swift-tools-version: 6.1
import PackageDescription

// Two chains of libraries, one of mathematics and one of messages, that only `Training` joins;
// only `Launching` (and the three executables on top of it) knows the papers as well.
//
//   relate, ParameterServer, Worker -> Launching -> Training, RelationNetworks
//   RelationNetworks -> NeuralNetworks -> Autodiff -> Tensors -> COpenBLAS, COneDNN, CKernels
//   Training -> NeuralNetworks, Messaging -> CZeroMQ
//   Training, NeuralNetworks -> Files

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

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
    .library(name: "NeuralNetworks", targets: ["NeuralNetworks"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    // C: the system's libraries, what loads two of them, and our own kernels.
    .target(name: "COpenBLAS"),
    .target(name: "COneDNN"),
    .target(name: "CKernels"),
    .systemLibrary(name: "CZeroMQ", providers: [.apt(["libzmq3-dev"])]),
    .systemLibrary(name: "CXXHash", providers: [.apt(["libxxhash-dev"])]),
    .systemLibrary(name: "CPNG", providers: [.apt(["libpng-dev"])]),

    // Files that are replaced as a whole or grow at their end.
    library("Files"),

    // The mathematics.
    library("Tensors", ["COpenBLAS", "COneDNN", "CKernels"]),
    library("Autodiff", ["Tensors"]),
    library("NeuralNetworks", ["Autodiff", "Tensors", "Files"]),

    // The papers.
    library("RelationNetworks", ["NeuralNetworks", "Autodiff", "Tensors", "CPNG"]),

    // The runs.
    library("Messaging", ["CZeroMQ"]),
    library(
      "Training", ["NeuralNetworks", "Autodiff", "Tensors", "Messaging", "Files", "CXXHash"]),

    // The rim.
    library(
      "Launching",
      [
        "Training", "RelationNetworks", "NeuralNetworks", "Autodiff", "Tensors", "Messaging",
        argumentParser,
      ]),
    .executableTarget(
      name: "relate", dependencies: ["Launching", argumentParser], swiftSettings: settings),
    .executableTarget(
      name: "ParameterServer", dependencies: ["Launching", argumentParser], swiftSettings: settings),
    .executableTarget(
      name: "Worker", dependencies: ["Launching", argumentParser], swiftSettings: settings),

    // A folder of tests beside each library, and the executables and the source tree as a whole.
    tests("FilesTests", ["Files"]),
    tests("TensorsTests", ["Tensors"]),
    tests("AutodiffTests", ["Autodiff", "Tensors"], resources: [.copy("Golden")]),
    tests(
      "NeuralNetworksTests", ["NeuralNetworks", "Autodiff", "Tensors", "Files"],
      resources: [.copy("Golden")]),
    tests(
      "RelationNetworksTests", ["RelationNetworks", "NeuralNetworks", "Autodiff", "Tensors"],
      resources: [.copy("Golden")]),
    tests("MessagingTests", ["Messaging"]),
    tests(
      "TrainingTests",
      [
        "Training", "RelationNetworks", "NeuralNetworks", "Autodiff", "Tensors", "Messaging",
        "Files",
      ]
    ),
    tests(
      "EndToEndTests",
      [
        "relate", "ParameterServer", "Worker", "Training", "RelationNetworks", "NeuralNetworks",
        "Tensors", "Messaging",
      ]),
    tests("RepositoryTests", []),
  ]
)
