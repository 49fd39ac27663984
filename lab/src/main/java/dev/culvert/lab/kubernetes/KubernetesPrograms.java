// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab.kubernetes;

import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.LabException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The programs of a control plane.
 *
 * @param folder that holds them
 */
public record KubernetesPrograms(Path folder) {
  private static final Duration BUILD = Duration.ofMinutes(50);
  private static final Duration HELM = Duration.ofSeconds(30);

  /**
   * Builds the programs, unless they are there already. Waits if another process builds them.
   *
   * @param checkout of this project
   * @throws LabException with the reason, if they cannot be built
   */
  public static KubernetesPrograms build(Path checkout) {
    Commands.Result result =
        Commands.attempt(
            BUILD, Map.of(), List.of(checkout.resolve("bin/control-plane-build").toString()));
    if (!result.succeeded()) {
      throw new LabException(result.err().strip());
    }
    return new KubernetesPrograms(Path.of(result.out().strip()));
  }

  /** Runs helm without a cluster. It keeps its own files in the folder. */
  public Commands.Result helm(Path home, String... arguments) {
    return Commands.attempt(HELM, Map.of(), helmCommand(home, List.of(arguments)));
  }

  List<String> helmCommand(Path home, List<String> arguments) {
    List<String> command = new ArrayList<>(List.of("env"));
    for (String folder : List.of("CACHE", "CONFIG", "DATA")) {
      command.add("HELM_" + folder + "_HOME=" + home.resolve(folder));
    }
    command.add(program("helm"));
    command.addAll(arguments);
    return command;
  }

  String program(String name) {
    return folder.resolve(name).toString();
  }
}
