"""Names, cost accounts and wording of the simulated company."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Trade:
    """A line of business: how its suppliers are called, what they bill and where it is booked."""

    name: str
    account: str
    words: tuple[str, ...]
    descriptions: tuple[str, ...]
    share: float = 0.0
    """Share of the ordinary suppliers."""


TRADES: dict[str, Trade] = {
    trade.name: trade
    for trade in (
        Trade("materials", "601000", ("Aceros", "Plásticos", "Tornillería", "Papelera"),
              ("Raw material order {n}", "Delivery note {n}", "Steel sheets {month}", "Packaging {month}"), 0.28),
        Trade("transport", "624000", ("Transportes", "Logística", "Mensajería"),
              ("Freight {month}", "Transport order {n}", "Courier services {month}"), 0.14),
        Trade("repairs", "622000", ("Talleres", "Mantenimientos", "Electricidad"),
              ("Repair order {n}", "Maintenance {month}", "Spare parts {n}"), 0.16),
        Trade("services", "623000", ("Asesoría", "Consultores", "Ingeniería"),
              ("Professional fees {month}", "Engineering hours {month}", "Legal advice, matter {n}"), 0.14),
        Trade("marketing", "627000", ("Imprenta", "Publicidad", "Ferias"),
              ("Campaign {month}", "Print job {n}", "Trade fair stand {n}"), 0.08),
        Trade("software", "629200", ("Sistemas", "Datos", "Informática"),
              ("Licences {month}", "Support ticket {n}", "Hosting {month}"), 0.08),
        Trade("office", "629000", ("Papelería", "Limpiezas", "Catering"),
              ("Office supplies {month}", "Cleaning {month}", "Order {n}"), 0.12),
        Trade("rent", "621000", ("Inmobiliaria", "Patrimonial"), ("Rent {month}",)),
        Trade("leasing", "621500", ("Renting", "Flotas"), ("Vehicle leasing {month}",)),
        Trade("insurance", "625000", ("Seguros", "Mutua"), ("Fleet premium {month}",)),
        Trade("utilities", "628000", ("Aguas", "Energía", "Gas"), ("Supply point {n}, {month}",)),
        Trade("taxes", "475000", ("Agencia",), ("Tax payment {month}",)),
        Trade("employee", "640900", (), ("Travel expenses {month}", "Expenses {month}")),
        Trade("financing", "520000", ("Financiera", "Crédito"), ("Instalment {month}",)),
        Trade("group", "551000", ("Filial",), ("Intercompany funding {month}",)),
        Trade("cash", "570000", ("Caja",), ("Cash office",)),
        Trade("season", "622500", ("Jardines", "Calefacciones", "Climatización"),
              ("Seasonal service {month}", "Fuel delivery {n}")),
    )
}  # fmt: skip

SURNAMES = (
    "García", "Ibarra", "Muñoz", "Peña", "Castaño", "Ríos", "Aguirre", "Lozano", "Vidal", "Ferrer", "Núñez", "Soler",
    "Prieto", "Campos", "Vega", "Fuentes", "Carrasco", "Reyes", "Cabrera", "Gallego", "León", "Márquez", "Herrero",
    "Santos", "Lara", "Pascual", "Roca", "Bravo", "Arias", "Mora", "Montero", "Ibáñez", "Duran", "Serra", "Bosch",
    "Esteban", "Parra", "Rubio", "Blanco", "Otero",
)  # fmt: skip
FIRST_NAMES = (
    "Ana", "Luis", "Marta", "Javier", "Elena", "Pablo", "Lucía", "Diego", "Carmen", "Sergio", "Nuria", "Álvaro",
    "Irene", "Hugo", "Rosa", "Iván", "Sofía", "Andrés", "Paula", "Jorge",
)  # fmt: skip
FORMS = ("SL", "SA", "SLU", "SCoop")
PLACES = ("Norte", "Levante", "del Ebro", "Castilla", "Ibérica", "del Sur", "Atlántica", "Pirineos", "", "", "")
DEPARTMENTS = ("Production", "Logistics", "Sales", "Finance", "Engineering", "Quality", "IT", "HR")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip

# Who works in the books. Clerks enter; managers approve below the limit, directors from it upwards.
CLERKS = ("aferrer", "bsoler", "cvidal", "dlozano", "emora", "fpascual", "groca", "hbravo")
MANAGERS = ("jaguirre", "kherrero", "lsantos", "mprieto")
DIRECTORS = ("ncampos", "oreyes")
TREASURY = "ptesoreria"
BANK_IMPORT = "bank.import"
HUMAN_RESOURCES = "rrhh"
