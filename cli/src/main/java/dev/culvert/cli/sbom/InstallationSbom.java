// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.sbom;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * A step of the builds of package and image: takes the SBOM of the program that it belongs to, and
 * adds all that they bring besides.
 */
@Command(
    name = "bin/sbom",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Writes the SBOM of a package or image: that of the program, with the Java runtime and the"
          + " Debian packages that it brings. 'culvert version --sbom' prints it if it is"
          + " sbom/culvert.cdx.json beside culvert.jar."
    })
public final class InstallationSbom implements Callable<Integer> {
  @Option(
      names = "--type",
      defaultValue = "application",
      description = "application for a package, container for an image. Default: application.")
  private String type;

  @Option(names = "--version", required = true, description = "Of the package or image.")
  private String version;

  @Option(
      names = "--purl",
      required = true,
      description = "Its package URL, as in pkg:deb/culvert@0.1.0-1?arch=amd64.")
  private String purl;

  @Option(
      names = "--jdk",
      paramLabel = "FOLDER",
      required = true,
      description = "The JDK from which the runtime was linked: its file 'release' is read.")
  private Path jdk;

  @Option(
      names = "--runtime",
      paramLabel = "FOLDER",
      required = true,
      description = "The runtime: its file 'release' is read.")
  private Path runtime;

  @Option(
      names = "--debian",
      paramLabel = "ROOT",
      description =
          "The root of a file system, or of a layer of it, with Debian packages:"
              + " var/lib/dpkg/status or status.d and usr/share/doc/*/copyright are read, and of the"
              + " first one etc/os-release. May be given again.")
  private List<Path> debian = List.of();

  @Option(names = "--out", paramLabel = "FILE", required = true, description = "File to write.")
  private Path out;

  public static void main(String[] arguments) {
    System.exit(
        new CommandLine(new InstallationSbom())
            .setExecutionExceptionHandler(InstallationSbom::failed)
            .execute(arguments));
  }

  private static int failed(
      Exception failure, CommandLine command, CommandLine.ParseResult arguments) {
    command.getErr().println("culvert: no SBOM: " + failure.getMessage());
    return CommandLine.ExitCode.SOFTWARE;
  }

  @Override
  public Integer call() throws IOException {
    Sbom sbom = Sbom.parse(Sbom.ofProgram());
    ObjectNode program = sbom.product();
    Sbom.sha256(program, Sbom.ownJar());
    ObjectNode whole = Sbom.component(type, "culvert", version, purl);
    whole.set("licenses", program.path("licenses").deepCopy());
    List<ObjectNode> others = new ArrayList<>(List.of(JavaRuntime.component(jdk, runtime)));
    for (Path root : debian) {
      others.addAll(DebianPackages.in(root, debian.getFirst()).components());
    }
    sbom.becomesPartOf(whole, others);
    Files.createDirectories(out.toAbsolutePath().getParent());
    Files.writeString(out, sbom.text());
    return CommandLine.ExitCode.OK;
  }
}
