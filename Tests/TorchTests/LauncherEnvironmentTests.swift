import Testing

@testable import Torch

@Suite("What a launcher says")
struct LauncherEnvironmentTests {
    private let torch = [
        "RANK": "3", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "MASTER_ADDR": "node7", "MASTER_PORT": "29500",
    ]

    @Test("torchrun's variables are read, with its meeting place and its restarts") func torchrun() throws {
        let plain = try #require(try LauncherEnvironment.read(torch))
        #expect(plain.process == ProcessNumber(rank: 3, count: 8, localRank: 1))
        #expect(plain.host == "node7" && plain.port == 29500)
        #expect(!plain.launcherHosts && plain.restarts == 0)
        let elastic = ["TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "2"]
        let restarted = try #require(try LauncherEnvironment.read(torch.merging(elastic) { $1 }))
        #expect(restarted.launcherHosts && restarted.restarts == 2)
    }

    @Test(
        "One process alone is a plain run",
        arguments: [
            [:], ["WORLD_SIZE": "1"], ["WORLD_SIZE": "1", "RANK": "0"], ["WORLD_SIZE": ""],
            ["SLURM_NTASKS": "1", "SLURM_PROCID": "0"], ["LOCAL_RANK": "2", "MASTER_PORT": "x"],
        ])
    func alone(variables: [String: String]) throws {
        #expect(try LauncherEnvironment.read(variables) == nil)
    }

    @Test(
        "Slurm's first node is the meeting place, at a port of the job's own",
        arguments: [
            ("node[007-010,12],gpu3", "node007"), ("gpu3", "gpu3"), ("a1,b2", "a1"), ("r[1-2]n[04,7]x", "r1n04x"),
        ])
    func slurm(nodes: String, first: String) throws {
        let variables = [
            "SLURM_PROCID": "9", "SLURM_NTASKS": "16", "SLURM_LOCALID": "1", "SLURM_JOB_NODELIST": nodes,
            "SLURM_JOB_ID": "16001", "SLURM_STEP_ID": "0",
        ]
        let found = try #require(try LauncherEnvironment.read(variables))
        #expect(found.process == ProcessNumber(rank: 9, count: 16, localRank: 1))
        #expect(found.host == first && found.port == 12_001)
        let other = try LauncherEnvironment.read(variables.merging(["MASTER_ADDR": "a", "MASTER_PORT": "7"]) { $1 })
        #expect(other?.host == "a" && other?.port == 7)
        var listless = variables
        listless["SLURM_JOB_NODELIST"] = nil
        listless["SLURM_LAUNCH_NODE_IPADDR"] = "10.0.0.3"
        #expect(try LauncherEnvironment.read(listless)?.host == "10.0.0.3")
    }

    @Test("A batch script of Slurm's is one process, whatever tasks its job has", arguments: [nil, "4294967291"])
    func batchScript(step: String?) throws {
        var variables = ["SLURM_JOB_ID": "7", "SLURM_NTASKS": "8", "SLURM_PROCID": "0", "SLURM_JOB_NODELIST": "a"]
        variables["SLURM_STEP_ID"] = step
        #expect(try LauncherEnvironment.read(variables) == nil)
    }

    @Test(
        "What is missing or makes no sense is one line that names the variable",
        arguments: [
            ("RANK", nil, "RANK is not set"), ("WORLD_SIZE", nil, "WORLD_SIZE is not set, though RANK"),
            ("MASTER_ADDR", nil, "MASTER_ADDR is not set"), ("MASTER_PORT", nil, "MASTER_PORT is not set"),
            ("MASTER_PORT", "http", "MASTER_PORT is 'http'"), ("MASTER_PORT", "65536", "in 1...65535"),
            ("RANK", "8", "RANK is 8 and WORLD_SIZE is 8"), ("RANK", "-1", "RANK is '-1'"),
            ("WORLD_SIZE", "two", "WORLD_SIZE is 'two'"), ("WORLD_SIZE", "0", "WORLD_SIZE is '0'"),
            ("LOCAL_RANK", "1.5", "LOCAL_RANK is '1.5'"),
        ] as [(String, String?, String)])
    func refused(variable: String, value: String?, message: String) {
        var variables = torch
        variables[variable] = value
        let error = #expect(throws: LauncherError.self) { try LauncherEnvironment.read(variables) }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains(message) && !text.contains("\n"), "\(text)")
    }

    @Test("A list of nodes that is none names the variable") func noNodes() {
        #expect(throws: LauncherError.noNodes(variable: "SLURM_JOB_NODELIST", value: "[")) {
            try LauncherEnvironment.read(["SLURM_PROCID": "0", "SLURM_NTASKS": "2", "SLURM_JOB_NODELIST": "["])
        }
    }
}
