// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.sbom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The parts of a package or image that do not come from Maven are known, with their licences. */
final class InstallationPartsTest {
  private static final String STATUS =
      """
      Package: libstdc++6
      Status: install ok installed
      Architecture: amd64
      Version: 1:12.2.0-14+deb12u1~x
      Description: a library
       Package: not-this

      Package: gone
      Status: deinstall ok config-files
      Architecture: amd64
      Version: 1.0

      Package: nftables
      Status: install ok installed
      Architecture: amd64
      Version: 1.0.6-2+deb12u2
      """;

  @TempDir private Path root;

  @BeforeEach
  void system() throws IOException {
    write("etc/os-release", "PRETTY_NAME=\"Debian\"\nID=debian\nVERSION_ID=\"12\"\n");
    write("var/lib/dpkg/status", STATUS);
    write(
        "usr/share/doc/libstdc++6/copyright",
        """
        On Debian systems, see /usr/share/common-licenses/GPL-3, and
        /usr/share/common-licenses/LGPL-2.1.
        """);
    write(
        "usr/share/doc/nftables/copyright",
        "Format: x\nLicense: GPL-2\n\nFiles: *\nLicense: GPL-2\n\nLicense: BSD-2-Clause\n");
  }

  private void write(String name, String text) throws IOException {
    Files.createDirectories(root.resolve(name).getParent());
    Files.writeString(root.resolve(name), text);
  }

  @Test
  void eachInstalledDebianPackageIsAComponentWithItsLicences() throws IOException {
    List<ObjectNode> components = DebianPackages.in(root, root).components();
    assertEquals(
        List.of(
            "pkg:deb/debian/libstdc%2B%2B6@1%3A12.2.0-14%2Bdeb12u1~x?arch=amd64&distro=debian-12",
            "pkg:deb/debian/nftables@1.0.6-2%2Bdeb12u2?arch=amd64&distro=debian-12"),
        components.stream().map(Sbom::purl).toList());
    assertEquals(
        List.of("GPL-3", "LGPL-2.1"), components.get(0).path("licenses").findValuesAsText("name"));
    assertEquals(
        List.of("BSD-2-Clause", "GPL-2"),
        components.get(1).path("licenses").findValuesAsText("name"));
  }

  @Test
  void aListPerPackageIsReadToo() throws IOException {
    Files.delete(root.resolve("var/lib/dpkg/status"));
    write("var/lib/dpkg/status.d/nftables", "Package: nftables\nVersion: 1\nArchitecture: all\n");
    write("var/lib/dpkg/status.d/nftables.md5sums", "Package: none\n");
    assertEquals(
        List.of("pkg:deb/debian/nftables@1?arch=all&distro=debian-12"),
        DebianPackages.in(root, root).components().stream().map(Sbom::purl).toList());
  }

  @Test
  void aPackageWithoutALicenceIsRefused() throws IOException {
    Path copyright = root.resolve("usr/share/doc/nftables/copyright");
    write("usr/share/doc/nftables/copyright", "Nobody knows.\n");
    assertRefused(copyright + " names no licence in a form that is known here");
    Files.delete(copyright);
    assertRefused(copyright + " does not exist, so the licences of nftables are unknown");
  }

  private void assertRefused(String reason) {
    IOException refused =
        assertThrows(IOException.class, () -> DebianPackages.in(root, root).components());
    assertEquals(reason, refused.getMessage());
  }

  private Path java(String name, String release) throws IOException {
    write(name + "/release", release);
    write(name + "/legal/java.base/ASSEMBLY_EXCEPTION", "OPENJDK ASSEMBLY EXCEPTION\n");
    return root.resolve(name);
  }

  @Test
  void aJdkUnderAnotherLicenceIsRefused() throws IOException {
    Path jdk = java("jdk", "JAVA_VERSION=\"25.0.3\"\n");
    Path runtime = java("runtime", "JAVA_VERSION=\"25.0.3\"\nMODULES=\"java.base\"\n");
    Files.delete(jdk.resolve("legal/java.base/ASSEMBLY_EXCEPTION"));
    IOException refused =
        assertThrows(IOException.class, () -> JavaRuntime.component(jdk, runtime));
    assertTrue(refused.toString().contains("set JAVA_HOME to an OpenJDK"), refused::toString);
  }

  @Test
  void theRuntimeNamesItsBuildAndItsModules() throws IOException {
    Path jdk =
        java(
            "jdk",
            "IMPLEMENTOR=\"Some\"\nJAVA_VERSION=\"25.0.3\"\nJAVA_RUNTIME_VERSION=\"25.0.3+9\"\n");
    Path runtime = java("runtime", "JAVA_VERSION=\"25.0.3\"\nMODULES=\"java.base\"\n");
    ObjectNode component = JavaRuntime.component(jdk, runtime);
    assertEquals("pkg:generic/openjdk@25.0.3%2B9", Sbom.purl(component));
    assertEquals("Some", component.at("/supplier/name").textValue());
    assertEquals("java.base", component.at("/properties/0/value").textValue());
    assertEquals(
        "GPL-2.0-only WITH Classpath-exception-2.0",
        component.at("/licenses/0/expression").textValue());
  }

  @Test
  void aRuntimeOfAnotherJdkIsRefused() throws IOException {
    Path jdk = java("jdk", "JAVA_VERSION=\"25.0.3\"\n");
    Path runtime = java("runtime", "JAVA_VERSION=\"25.0.2\"\nMODULES=\"java.base\"\n");
    IOException refused =
        assertThrows(IOException.class, () -> JavaRuntime.component(jdk, runtime));
    assertTrue(refused.toString().contains("was not linked from the JDK"), refused::toString);
  }
}
