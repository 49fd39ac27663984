// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.sbom;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * The licences that libraries may have, each with the reason why it fits, and the one that was
 * chosen for a library that offers several. {@code cli/src/main/sbom/licences.json} is the list.
 */
final class Licences {
  private final Path file;
  private final Set<String> allowed = new TreeSet<>();
  private final JsonNode chosen;

  private Licences(Path file, JsonNode list) throws IOException {
    this.file = file;
    this.chosen = list.path("chosen");
    for (Map.Entry<String, JsonNode> entry : list.path("allowed").properties()) {
      needsAReason(entry.getKey(), entry.getValue());
      allowed.add(entry.getKey());
    }
    for (Map.Entry<String, JsonNode> entry : chosen.properties()) {
      needsAReason(entry.getKey(), entry.getValue().path("reason"));
    }
  }

  static Licences read(Path file) throws IOException {
    return new Licences(file, Sbom.JSON.readTree(Files.readString(file)));
  }

  private void needsAReason(String name, JsonNode reason) throws IOException {
    if (reason.asText().isBlank()) {
      throw new IOException(file + ": '" + name + "' has no reason: say why it fits");
    }
  }

  /**
   * Leaves each component with the licence that Culvert uses it under.
   *
   * @return for each that has none, or a foreign one, and for each entry of the list that is of no
   *     use: a message that says how to mend it
   */
  List<String> settle(List<ObjectNode> components) {
    List<String> faults = new ArrayList<>();
    Set<String> used = new HashSet<>();
    Set<String> names = new HashSet<>();
    for (ObjectNode component : components) {
      String name = component.path("group").asText() + ":" + component.path("name").asText();
      names.add(name);
      settle(component, name, faults, used);
    }
    for (String licence : allowed) {
      if (!used.contains(licence)) {
        faults.add(file + ": no library has the allowed licence '" + licence + "': remove it");
      }
    }
    for (Map.Entry<String, JsonNode> entry : chosen.properties()) {
      if (!names.contains(entry.getKey())) {
        faults.add(file + ": the library '" + entry.getKey() + "' is not used: remove the choice");
      }
    }
    return faults;
  }

  private void settle(ObjectNode component, String name, List<String> faults, Set<String> used) {
    List<String> offered = offered(component);
    JsonNode choice = chosen.path(name).path("licence");
    String licence = choice.isMissingNode() ? String.join(", ", offered) : choice.asText();
    if (choice.isMissingNode() && offered.size() != 1) {
      faults.add(
          name
              + (offered.isEmpty()
                  ? " names no licence: read it in the library's sources, and"
                  : " offers " + licence + ":")
              + " name the one to use, with the reason, under 'chosen' in "
              + file);
    } else if (!choice.isMissingNode() && !offered.isEmpty() && !offered.contains(licence)) {
      faults.add(name + " does not offer '" + licence + "', which " + file + " has chosen");
    } else if (!allowed.contains(licence)) {
      faults.add(
          name
              + " has the licence '"
              + licence
              + "', which is not allowed: use another library, or add the licence, with the"
              + " reason why it fits, under 'allowed' in "
              + file);
    } else {
      used.add(licence);
      keep(component, licence, offered);
    }
  }

  /** The licences by their SPDX identifier, or by their name if they have none. */
  private static List<String> offered(ObjectNode component) {
    List<String> offered = new ArrayList<>();
    for (JsonNode entry : component.path("licenses")) {
      JsonNode licence = entry.path("license");
      String id = licence.path("id").asText(licence.path("name").asText());
      offered.add(id.isEmpty() ? entry.path("expression").asText() : id);
    }
    return offered;
  }

  private static void keep(ObjectNode component, String licence, List<String> offered) {
    if (offered.size() != 1) {
      ObjectNode kept = component.putArray("licenses").addObject().putObject("license");
      kept.put("id", licence).put("acknowledgement", "concluded");
    }
  }
}
