import Foundation
import MVAR
import Testing

@testable import MVARCommand

@Suite("mvar verify, classes and doctor") struct VerifyCommandTests {
    @Test("The fixture passes, and what was recomputed is written under the golden names") func passes() async throws {
        let folder = try TemporaryFolder()
        let output = folder.file("v.safetensors")
        try await succeed("verify", "--golden", Mini64.golden, "--output", output, "--json", "-q")
        let (golden, found) = (try Safetensors(path: Mini64.golden), try Safetensors(path: output))
        #expect(found.tensors.names.contains("greedy.spatial-7.cfg-1.5"))
        for record in found.tensors.records {
            #expect(golden.tensors[record.name]?.shape == record.shape, "\(record.name)")
        }
    }

    @Test("A golden file with one changed tensor fails with status 1 and without a message") func changedTensor()
        async throws
    {
        let folder = try TemporaryFolder()
        let golden = try Safetensors(path: Mini64.golden)
        let tensors = try golden.tensors.records.map { record in
            let tensor = try record.tensor()
            return (record.name, record.name == "logits.scale" ? try tensor.cloned() + 1e-3 : tensor)
        }
        try Safetensors.write(tensors, metadata: golden.metadata, to: folder.file("golden.safetensors"))
        let arguments = [
            "verify", "--golden", folder.file("golden.safetensors"), "--model", Mini64.model, "--tokenizer",
            Mini64.tokenizer, "-q",
        ]
        #expect(await failure(of: arguments) == Main.Failure(status: 1, message: nil))
        #expect(await failure(of: arguments + ["--tolerance", "0.01"]) == nil)
    }

    @Test("A file without anything to check fails") func nothingToCheck() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("t.safetensors")
        try TokenFile(pictures: [[1, 2]], schedule: nil, vocabularySize: nil).write(to: path)
        #expect(await mvar("verify", "--golden", path, "-q") == Main.Failure(status: 1, message: nil))
    }

    @Test("The report as JSON has exactly the agreed keys") func json() throws {
        let report = try GoldenVerifier(path: Mini64.golden).verify()
        let text = try OutputOptions.json(
            VerifyCommand.Report(
                checks: report.checks.map(VerifyCommand.Report.Check.init), unknown: report.unknown, pass: report.pass))
        let object = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(Set(object.keys) == ["checks", "unknown", "pass"])
        let checks = try #require(object["checks"] as? [[String: Any]])
        #expect(checks.count > 10)
        for check in checks {
            #expect(Set(check.keys) == ["name", "max_abs", "max_rel", "agreement", "pass"])
        }
    }

    @Test(
        "Bad input is one line and status 1",
        arguments: [
            ["--golden", "absent"], ["--golden", Mini64.model], ["--golden", Mini64.golden, "--tolerance", "nan"],
            ["--golden", Mini64.golden, "--output", "/proc/v.safetensors"],
        ])
    func failures(options: [String]) async {
        let failed = await failure(of: ["verify", "-q"] + options)
        #expect(failed?.status == 1)
        #expect(failed?.message?.contains("\n") == false)
    }

    @Test("Classes of the model are listed, and a word without any is no failure") func classes() async throws {
        try await succeed("classes", "--model", Mini64.model, "--json")
        try await succeed("classes", "--model", Mini64.model, "goldfish", "-q")
        #expect(await mvar("classes", "--model", "absent.pth")?.status == 1)
    }

    @Test("The doctor finds LibTorch, the CPU and the cache's place") func doctor() {
        let diagnosis = Diagnosis(environment: ["XDG_CACHE_HOME": "/absent", "HOME": "/elsewhere"])
        #expect(diagnosis.library.version.hasPrefix("2.11.0"))
        #expect(diagnosis.devices.first == "cpu")
        #expect(diagnosis.cache.folder == "/absent/mvar" && diagnosis.cache.bytes == nil)
        #expect(
            Diagnosis(environment: ["HOME": "/users/x", "XDG_CACHE_HOME": "relative"]).cache.folder
                == "/users/x/.cache/mvar")
        #expect(diagnosis.isHealthy)
        #expect(DoctorCommand.text(of: diagnosis).contains("/absent/mvar"))
    }
}
