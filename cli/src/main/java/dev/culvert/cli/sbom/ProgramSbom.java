// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.sbom;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * A step of the build: takes the SBOM that Maven's plugin made, checks the licences, and writes the
 * one that is packaged into the jar.
 */
@Command(name = "ProgramSbom", description = "Completes the SBOM of the program.")
public final class ProgramSbom implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(names = "--licences", required = true, description = "The list of allowed licences.")
  private Path licences;

  @Option(names = "--repacked", description = "A jar that is shipped changed.")
  private List<Path> repacked = List.of();

  @Option(names = "--time", required = true, description = "As in 2026-11-20T00:00:00Z.")
  private String time;

  @Parameters(paramLabel = "FROM", description = "The plugin's file.")
  private Path from;

  @Parameters(paramLabel = "TO", description = "The file to write.")
  private Path to;

  public static void main(String[] arguments) {
    System.exit(new CommandLine(new ProgramSbom()).execute(arguments));
  }

  @Override
  public Integer call() throws IOException {
    Sbom sbom = Sbom.read(from);
    List<ObjectNode> components = sbom.components();
    List<String> faults = new ArrayList<>(Licences.read(licences).settle(components));
    components.forEach(ProgramSbom::tidy);
    for (Path jar : repacked) {
      change(components, jar);
    }
    if (!faults.isEmpty()) {
      // In the form of Maven's own errors, which ./culvert shows.
      faults.forEach(fault -> spec.commandLine().getErr().println("[ERROR] licence: " + fault));
      return CommandLine.ExitCode.SOFTWARE;
    }
    sbom.time(time);
    sbom.sort();
    Files.createDirectories(to.toAbsolutePath().getParent());
    Files.writeString(to, sbom.text());
    return CommandLine.ExitCode.OK;
  }

  /** One hash says all, and links of the library's authors say nothing of the file. */
  private static void tidy(ObjectNode component) {
    component.remove("externalReferences");
    for (JsonNode hash : component.path("hashes")) {
      if (hash.path("alg").asText().equals("SHA-256")) {
        component.putArray("hashes").add(hash);
        return;
      }
    }
  }

  private static void change(List<ObjectNode> components, Path jar) throws IOException {
    String file = jar.getFileName().toString();
    for (ObjectNode component : components) {
      if (Purl.jar(Sbom.purl(component)).equals(file)) {
        String original = component.path("hashes").path(0).path("content").asText();
        component
            .putObject("pedigree")
            .put(
                "notes",
                "Repacked without its signature and without packages that Culvert does not use;"
                    + " the published file has SHA-256 "
                    + original);
        Sbom.sha256(component, jar);
        return;
      }
    }
    throw new IOException("no component has the file " + file);
  }
}
