namespace Pv.Config.Strict;

/// <summary>What a key takes.</summary>
public enum KeyKind
{
    /// <summary>No key that xl knows.</summary>
    Unknown,
    Text,
    Number,

    /// <summary>0 or 1; any other number counts as 1.</summary>
    Switch,
    List,
    NumberOrText,
    ListOrText,
    ListOrSwitch,
}

/// <summary>Every key of xl.cfg(5), those of its source that the manual leaves out, and those newer than 4.17.</summary>
public static class ConfigKeys
{
    /// <summary>What a key takes; <see cref="KeyKind.Unknown"/> for a misspelt one.</summary>
    public static KeyKind KindOf(string key) => key switch
    {
        "vnclisten" or "vncpasswd" or "display" or "xauthority" or "cmdline" or "root" or "extra" or "init_seclabel"
            or "seclabel" or "type" or "builder" or "name" or "uuid" or "pool" or "pvshim_path" or "pvshim_cmdline"
            or "pvshim_extra" or "vuart" or "on_poweroff" or "on_reboot" or "on_watchdog" or "on_crash"
            or "on_soft_reset" or "rdm" or "passthrough" or "kernel" or "ramdisk" or "device_tree" or "bootloader"
            or "bootloader_user" or "firmware_override" or "bios_path_override" or "bios" or "smbios_firmware"
            or "acpi_firmware" or "ms_vm_genid" or "firmware" or "device_model" or "device_model_override"
            or "device_model_version" or "device_model_stubdomain_seclabel" or "device_model_user"
            or "stubdomain_kernel" or "stubdomain_cmdline" or "stubdomain_ramdisk" or "keymap" or "vga" or "hdtype"
            or "spicehost" or "spicepasswd" or "spice_image_compression" or "spice_streaming_video" or "boot"
            or "soundhw" or "vendor_device" or "gic_version" or "tee" or "sve" or "arm_sci"
            => KeyKind.Text,
        "vncdisplay" or "xenstore_feature_mask" or "cpu_weight" or "cap" or "period" or "slice" or "latency"
            or "extratime" or "memory" or "maxmem" or "vcpus" or "maxvcpus" or "pci_msitranslate" or "pci_power_mgmt"
            or "pci_permissive" or "pci_seize" or "shadow_memory" or "rtc_timeoffset" or "vncviewer" or "videoram"
            or "max_event_channels" or "mmio_hole" or "rdm_mem_boundary" or "altp2m_count" or "vmtrace_buf_kb"
            or "stubdomain_memory" or "stdvga" or "spiceport" or "spicetls_port" or "spiceusbredirection"
            or "usbversion" or "nr_spis" or "max_grant_frames" or "max_maptrack_frames" or "max_grant_version"
            => KeyKind.Number,
        "vnc" or "vncunused" or "sdl" or "opengl" or "hap" or "oos" or "pvshim" or "e820_host" or "nomigrate"
            or "localtime" or "driver_domain" or "acpi" or "bootloader_restrict" or "nestedhvm" or "pae" or "acpi_s3"
            or "acpi_s4" or "acpi_laptop_slate" or "nx" or "hpet" or "vpt_align" or "apic" or "hvm_pirq"
            or "altp2mhvm" or "device_model_stubdomain_override" or "dm_restrict" or "spice"
            or "spicedisable_ticketing" or "spiceagent_mouse" or "spicevdagent" or "spice_clipboard_sharing"
            or "nographic" or "usb" or "vkb_device" or "xen_platform_pci" or "xen_platform_pci_bar_uc"
            or "trap_unmapped_accesses" or "xend_suspend_evtchn_compat" or "msr_relaxed" or "vpmu"
            => KeyKind.Switch,
        "vnuma" or "vsnd" or "vkb" or "virtio" or "xenstore_quota" or "llc_colors" or "pci" or "dtdev" or "smbios"
            or "mca_caps" or "ioports" or "irqs" or "iomem" or "disk" or "p9" or "vtpm" or "vdispl" or "pvcalls"
            or "channel" or "vif" or "vif2" or "vfb" or "usbctrl" or "usbdev" or "device_model_args"
            or "device_model_args_pv" or "device_model_args_hvm"
            => KeyKind.List,
        "tsc_mode" or "timer_mode" or "altp2m" or "gfx_passthru"
            => KeyKind.NumberOrText,
        "cpus" or "cpus_soft" or "cpuid" or "bootloader_args" or "serial" or "usbdevice"
            => KeyKind.ListOrText,
        "viridian"
            => KeyKind.ListOrSwitch,
        _ => KeyKind.Unknown,
    };
}
